"""The published JSON Schema accepts every study that loads, and names what an editor can see is wrong."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from evalkit.study.schema import PATH, json_schema

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "data/study.yaml", ROOT / "tests/study/whole.yaml", *sorted((ROOT / "tests/trials").glob("*.yaml"))]


class Core(yaml.SafeLoader):
    """YAML whose dates are text, as in the study file."""


Core.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def loaded(path: Path) -> dict:
    return yaml.load(path.read_text(encoding="utf-8"), Core)


def mistakes(study: dict) -> list[str]:
    found = jsonschema.Draft202012Validator(json.loads(PATH.read_text(encoding="utf-8"))).iter_errors(study)
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_the_file_in_the_package_is_the_schema():
    made = json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    assert PATH.read_text(encoding="utf-8") == made, f"write it anew: {PATH.name} is not what json_schema() returns"
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_studies_that_load_fit_it(path):
    assert mistakes(loaded(path)) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda study: study.update(golas=[]), ""),
        (lambda study: study["goals"][0].update(better="up"), "goals.0.better"),
        (lambda study: study["goals"][0].pop("target"), "goals.0"),
        (lambda study: study["inference"].update(confidence=95), "inference.confidence"),
        (lambda study: study["goals"][0]["metric"].update(kind="median"), "goals.0.metric"),
    ],
)
def test_what_is_wrong_is_found_at_its_place(change, place):
    study = loaded(STUDIES[0])
    change(study)
    assert mistakes(study) == [place]
