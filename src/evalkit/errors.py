"""What can go wrong, each with the exit code the command line answers with.

Every error carries plain sentences that name the file, row, column or key, what was found, what was
expected and the mend. The command line prints them as they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any


class EvalkitError(Exception):
    """Base of all errors evalkit raises on purpose; `messages` holds one sentence a problem."""

    exit_code = 1

    def __init__(self, messages: str | Iterable[str]) -> None:
        self.messages = (messages,) if isinstance(messages, str) else tuple(messages)
        super().__init__("\n".join(self.messages))

    def __reduce__(self) -> Any:
        """Return what pickle makes the error again from, whatever arguments its class asks for."""
        return (_again, (type(self), self.args), self.__dict__)


def _again(kind: type[EvalkitError], args: tuple[Any, ...]) -> EvalkitError:
    return kind.__new__(kind, *args)


class StudyError(EvalkitError):
    """The study file is wrong. All its mistakes are told at once."""

    exit_code = 2


class ParameterError(EvalkitError, ValueError):
    """A parameter of a call or of the command line is wrong."""

    exit_code = 2


class RecordsError(EvalkitError):
    """The records are not what the study file says: a missing file, a missing column, another encoding."""

    exit_code = 2


class ConnectionLostError(RecordsError):
    """A connection broke off in the midst of an evaluation (`begun`), or the server does not answer at all."""

    def __init__(self, message: str, *, begun: bool = True) -> None:
        super().__init__(message)
        self.begun = begun


class NotEvaluableError(EvalkitError, ValueError):
    """The question cannot be answered on these data. `code` is the flag that says so in a result."""

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotebookError(EvalkitError):
    """A notebook failed; nothing was published."""

    exit_code = 4


class VerificationError(EvalkitError):
    """A published number is not the one that the records give."""

    exit_code = 5


class LockedError(EvalkitError):
    """Another run holds the lock of this reports folder."""

    exit_code = 6


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known word most like `word`, or an empty string."""
    import difflib

    # comparing takes the product of the lengths: what nobody typed is not compared
    candidates = [one for one in itertools.islice(known, 1000) if len(one) <= 100]
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6) if len(word) <= 100 else []
    return f" Did you mean '{close[0]}'?" if close else ""


def shown(value: Any) -> str:
    """Return a value as a message shows it: text in quotes, a long one cut, a column by its kind and length.

    >>> shown(30), shown("30"), shown([1, 2]), shown(range(6000))
    ('30', "'30'", '[1, 2]', 'a range of 6000 values')
    """
    if isinstance(value, str):
        value = str(value)  # NumPy's own says what it is
    elif hasattr(value, "__len__") and not isinstance(value, bytes):
        try:
            size = len(value)
        except TypeError:  # an array without dimensions
            return shown(value.item()) if hasattr(value, "item") else type(value).__name__
        if not isinstance(value, list | tuple) or size > 5:
            return f"a {type(value).__name__} of {size} values"
    text = printable(repr(value) if isinstance(value, str | bytes | list | tuple) else str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def printable(text: str) -> str:
    """Return the text on one line, without what could steer a terminal or turn the direction of what follows.

    >>> printable("a" + chr(27) + "[2Jb" + chr(10) + "c")
    'a�[2Jb c'
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)
