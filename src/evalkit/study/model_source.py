"""Sources of records in a study file: where they lie, and the fields they have."""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict, StringConstraints

from evalkit.study import model_values as v
from evalkit.study.paths import checked_path
from evalkit.study.yaml_lines import describe

_ENCODINGS = ("utf-8", "utf-16", "gb18030", "gbk", "big5", "latin-1", "cp1252")
# of domain names and source code; the time these take grows with the square of the text
_NOT_OF_FILES = ("idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape")
_DIRECTIVES = "aAbBdHIjmMpSfyYzZ%"  # those of strptime that DuckDB also has


def _encoding(name: str) -> None:
    # 'hex' or 'zip' turn bytes into bytes: no text can be encoded with them
    "".encode(name)
    if codecs.lookup(name).name in _NOT_OF_FILES:
        raise LookupError


def _character(given: str) -> str:
    """Return a delimiter; a tab may be written as `tab`, or as \\t in single quotes, where YAML leaves it two signs."""
    return given if len(given) == 1 else "\t"


_Encoding = Annotated[v.Str, v.accepted_by(_encoding, "which is not an encoding that Python knows", lambda: _ENCODINGS)]
_Delimiter = Annotated[str, Strict(), StringConstraints(pattern=v.ONE_CHARACTER), AfterValidator(_character)]
_Pattern = Annotated[v.Str, v.accepted_by(re.compile, "which is not a regular expression: {error}", tuple)]
_Connection = Annotated[str, Strict(), StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class Constraints(v.Model):
    """What the values of a field must keep to (Frictionless Table Schema); a record that does not is rejected."""

    required: v.Truth = Field(False, description="No record may lack the value.")
    unique: v.Truth = Field(False, description="No value may stand in two records.")
    minimum: v.Scalar | None = Field(None, description="The smallest value allowed, included.")
    maximum: v.Scalar | None = Field(None, description="The largest value allowed, included.")
    enum: tuple[v.Scalar, ...] | None = Field(None, min_length=1, description="The only values allowed.")
    pattern: _Pattern | None = Field(None, description="What the whole text matches.")
    minLength: Annotated[v.Whole, Field(ge=0, lt=2**31)] | None = Field(None, description="The shortest text.")  # noqa: N815
    maxLength: Annotated[v.Whole, Field(ge=0, lt=2**31)] | None = Field(None, description="The longest text.")  # noqa: N815


class FieldOf(v.Model):
    """One declared column of a source, in the words of Frictionless Table Schema."""

    name: v.Name = Field(description="The name by which the study refers to the column.")
    type: Literal["string", "number", "integer", "boolean", "date", "datetime"] = Field(description="Of its values.")
    format: v.Str = Field("default", description="Of dates and times: 'default' (ISO 8601), or such as '%d/%m/%Y'.")
    decimalChar: v.Str = Field(".", description="Of numbers: the decimal mark.")  # noqa: N815 (Table Schema's word)
    groupChar: v.Str = Field("", description="Of numbers: the mark between thousands.")  # noqa: N815
    constraints: Constraints = Field(Constraints(), description="What its values must keep to.")
    rename_from: v.Name | None = Field(None, description="The header in the file, where it differs.")
    title: v.Text | None = Field(None, description="A title for readers.")
    description: v.Text | None = Field(None, description="What the column means.")

    @property
    def header(self) -> str:
        """The column's header in the file."""
        return self.rename_from or self.name

    def problems(self) -> Iterator[v.Problem]:
        if self.type and self.format not in (None, "default") and (problem := self._format_problem()):
            yield ("format",), problem
        if self.decimalChar is not None and len(self.decimalChar) != 1:
            yield ("decimalChar",), f"expected one character, found {self.decimalChar!r}."
        if self.decimalChar == self.groupChar:
            mend = 'add decimalChar: ","' if self.groupChar == "." else "give each its own, or remove groupChar"
            told = f"decimalChar and groupChar are the same character, '{self.groupChar}', so no number could be read"
            yield ("groupChar",), f"{told}; {mend}."
        for key, plain in (("decimalChar", "."), ("groupChar", "")):
            if self.type not in (None, "number") and getattr(self, key) not in (None, plain):
                mend = "write type: number" if self.type == "integer" else "remove it"
                yield (key,), f"a field of type {self.type} is read without {key}; {mend}."
        foreign = [] if self.type == "string" else ["pattern", "minLength", "maxLength"]
        foreign += ["minimum", "maximum"] if self.type in ("string", "boolean") else []
        for key in foreign:
            if self.type and getattr(self.constraints, key, None) is not None:
                yield ("constraints", key), f"a {self.type} field has no {key}; remove it."

    def _format_problem(self) -> str | None:
        if self.type not in v.TIMES:
            return f"a {self.type} field has no format but 'default'; remove it."
        given = set(re.findall("%(.)", self.format))
        if given & set("yY") and given <= set(
            _DIRECTIVES
        ):  # without a year Python 3.13 warns and a later one may raise
            moment = dt.datetime(2024, 11, 25, 13, 45, 50, tzinfo=dt.UTC)
            with suppress(ValueError, re.error):
                found = dt.datetime.strptime(moment.strftime(self.format), self.format)  # noqa: DTZ007 - only its day counts
                first = self.type == "date" and not given & set("dj")  # a month: its first day
                if found.date() == (moment.date().replace(day=1) if first else moment.date()):
                    return None
        told = f"{describe(self.format)} does not give year, month and day by % and one of {_DIRECTIVES}"
        return f"{told}; expected default, a pattern such as %d/%m/%Y, or for the dates of months %Y-%m."


class Source(v.Model):
    """Records of one kind: files (`path`) or a database table (`connection` and `table`)."""

    path: Annotated[v.Words, AfterValidator(checked_path)] | None = Field(
        None, description="File or glob (csv, csv.gz, parquet) below the study's folder; may start with ${NAME}."
    )
    connection: _Connection | None = Field(
        None, description="Instead of path: NAME, where EVALKIT_CONNECTION_NAME in the environment holds its URL."
    )
    table: v.Words | None = Field(None, description="With connection: the table or view.")
    encoding: _Encoding = Field("utf-8", description="Of text files.")
    delimiter: _Delimiter = Field(",", description="Between values of text files: one character, or tab.")
    missing_values: tuple[v.Str, ...] = Field(("", "NA"), description="Texts that mean 'no value', these alone.")
    key: v.Column | None = Field(None, description="Unique per record: of equal copies one counts, of unlike none.")
    time: Annotated[
        Annotated[v.Moment, v.TEXT] | Annotated[tuple[v.Part, ...], Field(min_length=2, max_length=3), v.OTHER],
        v.EITHER,
    ] = Field(description="The column that places a record in a period, or integers [year, month(, day)].")
    fields: tuple[FieldOf, ...] = Field(min_length=1, max_length=300, description="The columns that are read.")
    max_rejected: Annotated[v.Number, Field(ge=0, le=1)] = Field(0.05, description="The share its goals can bear.")

    def problems(self) -> Iterator[v.Problem]:
        given = [key for key in ("path", "connection", "table") if getattr(self, key) is not None]
        if given not in (["path"], ["connection", "table"]):
            yield (
                (),
                f"found {' and '.join(given) or 'nothing'}; a source needs path, or connection and table, not both.",
            )
