"""Errors: each survives pickling, as processes hand it on, and messages show what was found in few words."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest

import evalkit as ek
from evalkit import errors
from evalkit.errors import EvalkitError, shown

KINDS = [k for k in vars(errors).values() if inspect.isclass(k) and issubclass(k, EvalkitError)]
OWN = {errors.NotEvaluableError: ("too_few_points", "Only two."), errors.ConnectionLostError: ("It broke off.",)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickling_and_copying(kind: type[EvalkitError]) -> None:
    made = kind(*OWN[kind]) if kind in OWN else kind(["One.", "Two."])
    for again in (pickle.loads(pickle.dumps(made)), copy.copy(made)):
        assert type(again) is kind
        assert (str(again), again.args, vars(again)) == (str(made), made.args, vars(made))


def test_own_attributes_survive() -> None:
    lost = pickle.loads(pickle.dumps(errors.ConnectionLostError("Gone.", begun=False)))
    assert lost.begun is False
    assert pickle.loads(pickle.dumps(errors.NotEvaluableError("no_variation", "All alike."))).code == "no_variation"


def test_the_errors_that_the_help_names_are_exported() -> None:
    for name in ("EvalkitError", "NotEvaluableError", "ParameterError", "RecordsError", "StudyError"):
        assert getattr(ek, name) is getattr(errors, name)
        assert name in ek.__all__


def test_what_was_found_is_shown_in_few_words() -> None:
    found = {
        "30": 30,
        "'30'": np.str_("30"),
        "3.5": np.array(3.5),
        "a ndarray of 7 values": np.zeros(7),
        "a dict of 1 values": {1: 2},
        "None": None,
        "b'x'": b"x",
    }
    for told, value in found.items():
        assert shown(value) == told
    assert len(shown("x" * 1000)) == 60
    assert "\n" not in shown(["a\nb"])
