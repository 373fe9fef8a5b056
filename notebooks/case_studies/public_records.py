"""Where the public records of the case studies lie. They are not part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "trials"

RECORDS = {
    "seatbelts": (
        "seatbelts.csv",
        "R's own data set Seatbelts: write.csv of the months 1969-01 to 1984-12 with columns year and month before it",
    ),
    "cfpb-payday": (
        "complaints.csv.gz",
        "CFPB consumer complaint database, 'Payday loan, title loan, or personal loan', received 2023-01 to 2023-08",
    ),
    "breaches": (
        "hhs_2009_2016.csv",
        "the breach portal of the US Department of Health and Human Services, exported, 2009 to 2016",
    ),
    "bank-loans": (
        "workitems.csv.gz",
        "BPI Challenge 2012 (doi 10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f), a row per work item: "
        "case_id, activity, resource, start, complete (UTC)",
    ),
}


def root() -> Path:
    """Return the folder that holds the records' folders: EVALKIT_TRIALS or, without it, ../shared/trials."""
    return Path(os.environ.get("EVALKIT_TRIALS") or BESIDE).expanduser().resolve()


def missing(name: str) -> str:
    """Return a sentence that says what is missing and where to get it, or nothing when the records are there."""
    file, origin = RECORDS[name]
    if (root() / name / file).is_file():
        return ""
    return (
        f"The records of this case study are not here. Put {name}/{file} into a folder and name that folder in the "
        f"environment variable EVALKIT_TRIALS (default: ../shared/trials beside the repository). They are: {origin}."
    )


def folder(name: str) -> Path:
    """Return the folder of one set of records; the study files find it by EVALKIT_TRIALS, which this sets.

    Raises FileNotFoundError, saying where to get them.
    """
    if told := missing(name):
        raise FileNotFoundError(told)
    os.environ["EVALKIT_TRIALS"] = str(root())
    return root() / name
