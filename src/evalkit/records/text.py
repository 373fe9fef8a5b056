"""Text files of records: opened in their encoding, their header, and a copy the engine can trust.

The engine alone would read a truncated gzip file to where it breaks off and say nothing, and it knows UTF-8
only; so compressed files, other encodings and mixed line ends go through a checked copy.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from evalkit.errors import RecordsError

BLOCK = 1 << 20
_LONGEST_WORD = 12  # of one that means there is no value
LONGEST_ROW = 2_000_000  # the engine's own limit, in bytes
_UTF8 = ("utf-8", "ascii", "utf-8-sig")
_UNREADABLE = {
    ".xlsx": "is an Excel workbook; save the sheet as 'CSV UTF-8' and name that file",
    ".xls": "is an Excel workbook; save the sheet as 'CSV UTF-8' and name that file",
    ".zip": "is a zip archive; unpack it and name the file inside",
    ".bz2": "is compressed in a way evalkit does not read; unpack it, or compress it with gzip",
    ".xz": "is compressed in a way evalkit does not read; unpack it, or compress it with gzip",
    ".zst": "is compressed in a way evalkit does not read; unpack it, or compress it with gzip",
}


def may_mean_missing(text: str, times: int) -> bool:
    """Return whether a text in the place of a number or date looks like a word for no value, and like no one's data.

    It is short, one word, repeats, and has no digit, or only noughts or nines; a name that repeats would pass.

    >>> [may_mean_missing(text, 9) for text in ("n.d.", "00/00/0000", "31.12.2024", "handed in late")]
    [True, True, False, False]
    """
    return times > 1 and len(text) <= _LONGEST_WORD and re.fullmatch(r"[^\d\s]*|[0\W]*|[9\W]*", text) is not None


def is_gzip(path: Path) -> bool:
    """Return whether the file is compressed, by its name."""
    return path.suffix.lower() == ".gz"


def _bytes(path: Path) -> BinaryIO:
    return gzip.open(path) if is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def _stream(path: Path, encoding: str, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_bytes(path), encoding=encoding, errors=errors, newline="")


def read_header(path: Path, source: Any, label: str) -> list[str]:
    """Return the column names of a text file's first row.

    Raises RecordsError for a file that is empty, of another kind, or whose first row is in another encoding.
    """
    if path.suffix.lower() in _UNREADABLE:
        raise RecordsError(f"{label}: {_UNREADABLE[path.suffix.lower()]}.")
    try:
        with _stream(path, source.encoding, "replace") as stream:
            header = next(csv.reader(_first_row(stream, label), delimiter=source.delimiter), None)
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        raise RecordsError(_unreadable(label, error)) from None
    if header is None:
        raise RecordsError(f"{label}: the file is empty; expected a header row with the declared columns.")
    if not header:
        raise RecordsError(f"{label}: row 1 is blank; expected the header with the declared columns. Remove that row.")
    if any("�" in name for name in header):
        raise RecordsError(encoding_message(label, source.encoding, 1))
    return header


def _first_row(stream: io.TextIOWrapper, label: str) -> Iterator[str]:
    """Yield the lines of the first row, without the byte order mark; no more is read than a row may hold."""
    left = LONGEST_ROW
    line = stream.readline(left).lstrip("\ufeff")
    while line:
        yield line
        left -= len(line)
        if left <= 0:
            raise RecordsError(f"{label}: row 1 is longer than 2 MB; expected the header with the declared columns.")
        line = stream.readline(left)


def readable(path: Path, encoding: str, label: str, copy: Path, *, any_line_end: bool = False) -> Path:
    """Return the file itself where the engine can read it, else a checked copy in UTF-8.

    `any_line_end` asks for a copy with uniform line ends. Raises RecordsError for a compressed file that is
    broken off, and for text that is not in the declared encoding.
    """
    utf8 = codecs.lookup(encoding).name in _UTF8
    if utf8 and not is_gzip(path) and not any_line_end:
        return path
    decode = codecs.getincrementaldecoder("utf-8" if utf8 else encoding)()
    guess = None if utf8 else Utf8Guess(encoding)
    lines = io.IncrementalNewlineDecoder(None, translate=True) if any_line_end else None
    row = 1
    try:
        with _bytes(path) as stream, copy.open("w", encoding="utf-8", newline="") as out:
            while True:
                block = stream.read(BLOCK)
                text = decode.decode(block, not block)
                out.write(lines.decode(text, not block) if lines else text)
                row += text.count("\n")
                if guess:
                    guess.see(block)
                if not block:
                    break
    except UnicodeError:
        raise RecordsError(encoding_message(label, encoding, row)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise RecordsError(_unreadable(label, error)) from None
    if guess and guess.holds:
        raise RecordsError(
            f"{label}: is declared as {encoding}, but all of it reads as utf-8; set the source's `encoding: utf-8`."
        )
    return copy


class Utf8Guess:
    """Tells whether bytes declared in another encoding are UTF-8, which that encoding would turn into nonsense.

    Text of a legacy encoding is hardly ever valid UTF-8 as a whole; one letter could be by chance, so a
    multi-byte encoding needs a character beyond U+07FF (three bytes and more), as every Chinese one is.
    """

    def __init__(self, encoding: str) -> None:
        single_byte = len(b"\xc3\xa9".decode(encoding, "replace")) == 2
        self._least = "\x80" if single_byte else "\u0800"
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._found = False

    def see(self, block: bytes) -> None:
        """Look at the next bytes; an empty block ends them."""
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(block, not block)
        except UnicodeError:
            self._decoder = None
            return
        self._found = self._found or (not text.isascii() and max(text) >= self._least)

    @property
    def holds(self) -> bool:
        return self._decoder is not None and self._found


def as_utf8(text: str, encoding: str) -> str:
    """Return a text that was decoded by another encoding than the UTF-8 it is in; as it stands where it was not.

    >>> as_utf8("StÃ¶rung", "cp1252"), as_utf8("Störung", "cp1252")
    ('Störung', 'Störung')
    """
    try:
        return text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return text


def blank_rows(path: Path, source: Any) -> list[int]:
    """Return the numbers of blank rows (the header is row 1), which the engine passes over without counting."""
    with _bytes(path) as stream:
        last, found = b"", False
        while not found and (block := stream.read(BLOCK)):
            joined = (last + block).replace(b"\x00", b"")  # of UTF-16 only the other half matters
            found = any(pair in joined for pair in (b"\n\n", b"\n\r\n", b"\r\r"))
            last = block[-6:]
    if not found:
        return []
    with _stream(path, source.encoding, "replace") as stream:
        rows = csv.reader(stream, delimiter=source.delimiter)
        return [number for number, row in enumerate(rows, start=1) if not row]


def encoding_message(label: str, encoding: str, row: int) -> str:
    """Say that a file is not in the declared encoding."""
    utf8 = codecs.lookup(encoding).name in _UTF8
    other = "gb18030 for a Chinese export or cp1252 for a Western one" if utf8 else "utf-8"
    return f"{label}: is not {encoding} (seen at or after row {row}); set the source's `encoding`, for example {other}."


def _unreadable(label: str, error: Exception) -> str:
    if isinstance(error, EOFError | zlib.error) or "CRC" in str(error):
        return f"{label}: the compressed file is damaged or was not written to its end; export or copy it again."
    if isinstance(error, gzip.BadGzipFile):
        return f"{label}: is named .gz but is not compressed with gzip; rename it, or compress it."
    if isinstance(error, OSError) and error.strerror:
        return f"{label}: cannot be read: {error.strerror}."
    return f"{label}: cannot be read: {error}."
