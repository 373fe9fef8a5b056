"""A folder takes another's place in one step, and earlier issues are carried along."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from evalkit.publish import swap


def folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "results.json").write_text(text)
    return path


def test_the_first_issue_is_moved_into_place(tmp_path: Path) -> None:
    staged = folder(tmp_path / "staged", "new")
    assert swap.keep_revisions(tmp_path / "2025", staged, as_revision=False) == 0
    swap.put_in_place(staged, tmp_path / "2025")
    assert (tmp_path / "2025" / "results.json").read_text() == "new"
    assert not staged.exists()


def test_revisions_are_numbered_and_carried_along(tmp_path: Path) -> None:
    published = folder(tmp_path / "2025", "issue 1")
    for number in (2, 3):
        staged = folder(tmp_path / f"staged{number}", f"issue {number}")
        assert swap.keep_revisions(published, staged, as_revision=True) == number - 1
        swap.put_in_place(staged, published)
    again = folder(tmp_path / "staged4", "issue 3")
    assert swap.keep_revisions(published, again, as_revision=False) == 2
    swap.put_in_place(again, published)
    assert (published / "results.json").read_text() == "issue 3"
    kept = {path.name: (path / "results.json").read_text() for path in (published / "revisions").iterdir()}
    assert kept == {"1": "issue 1", "2": "issue 2"}
    assert not (published / "revisions" / "2" / "revisions").exists()


@pytest.mark.parametrize("at_once", [True, False])
def test_the_old_folder_ends_where_the_staged_one_was(
    tmp_path: Path, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_once:
        monkeypatch.setattr(swap, "_exchange", lambda *_folders: False)
    published, staged = folder(tmp_path / "2025", "old"), folder(tmp_path / "staged", "new")
    swap.put_in_place(staged, published)
    assert (published / "results.json").read_text() == "new"
    assert (staged / "results.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2025", "staged"]


def test_a_reader_never_finds_the_folder_missing(tmp_path: Path) -> None:
    published, staged = folder(tmp_path / "2025", "a"), folder(tmp_path / "staged", "b")
    if not swap._exchange(staged, published):
        pytest.skip("this file system cannot exchange two folders in one step")
    missing, ended = [], threading.Event()

    def read() -> None:
        while not ended.is_set():
            try:
                (published / "results.json").read_text()
            except FileNotFoundError:
                missing.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(2000):
        swap.put_in_place(staged, published)
    ended.set()
    reader.join()
    assert missing == []
