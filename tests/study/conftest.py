"""A whole study file, and a way to break it in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.errors import StudyError
from evalkit.study.load import read

WHOLE = Path(__file__).with_name("whole.yaml")


@pytest.fixture(scope="session")
def whole() -> str:
    return WHOLE.read_text(encoding="utf-8")


@pytest.fixture
def mistakes(whole: str) -> Callable[..., list[str]]:
    """Return the messages that the whole study gives once every (old, new) is replaced in it."""

    def replace(*changes: tuple[str, str]) -> list[str]:
        text = whole
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        with pytest.raises(StudyError) as caught:
            read(text, "study.yaml")
        assert caught.value.exit_code == 2
        return list(caught.value.messages)

    return replace
