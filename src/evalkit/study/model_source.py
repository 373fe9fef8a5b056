"""Sources of records in a study file: where they lie, and the fields they have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from evalkit.study.model_values import Column, Model, Number, Scalar, Str, Text, Truth, Whole, Words, wrong

FieldType = Literal["string", "number", "integer", "boolean", "date", "datetime"]


def _time(value: Any) -> Any:
    if isinstance(value, str):
        if value.strip():
            return value
        raise wrong("expected a column, or a list of integer columns [year, month] or [year, month, day]")
    if isinstance(value, list | tuple) and len(value) in (2, 3) and all(isinstance(p, str) and p for p in value):
        return tuple(value)
    raise wrong("expected a column, or a list of integer columns [year, month] or [year, month, day]")


class Constraints(Model):
    """What the values of a field must keep to (Frictionless Table Schema); a record that does not is rejected."""

    required: Truth = Field(default=False, description="No record may lack the value.")
    unique: Truth = Field(default=False, description="No value may stand in two records.")
    minimum: Scalar | None = Field(default=None, description="The smallest value allowed, included.")
    maximum: Scalar | None = Field(default=None, description="The largest value allowed, included.")
    enum: tuple[Scalar, ...] | None = Field(default=None, min_length=1, description="The only values allowed.")
    pattern: Str | None = Field(default=None, description="A regular expression the whole text must match.")
    minLength: Annotated[Whole, Field(ge=0)] | None = Field(  # noqa: N815 - the word of Table Schema
        default=None, description="The shortest text allowed."
    )
    maxLength: Annotated[Whole, Field(ge=0)] | None = Field(  # noqa: N815
        default=None, description="The longest text allowed."
    )


class FieldOf(Model):
    """One declared column of a source, in the words of Frictionless Table Schema. Only declared columns are read."""

    name: Column = Field(description="The name by which the study refers to the column.")
    type: FieldType = Field(description="The type of its values.")
    format: Str = Field(
        default="default",
        description="Of dates and times: 'default' (ISO 8601) or a strptime pattern such as '%d/%m/%Y'.",
    )
    constraints: Constraints = Field(default=Constraints(), description="What its values must keep to.")
    rename_from: Column | None = Field(default=None, description="The header in the file, where it differs.")
    title: Text | None = Field(default=None, description="A title for readers.")
    description: Text | None = Field(default=None, description="What the column means.")

    @property
    def header(self) -> str:
        """The column's header in the file."""
        return self.rename_from or self.name


class Source(Model):
    """Records of one kind: files (`path`) or a database table (`connection` and `table`)."""

    path: Words | None = Field(
        default=None,
        description="File or glob (csv, csv.gz, parquet), relative to the study file; may start with ${NAME}.",
    )
    connection: Annotated[str, Strict(), StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")] | None = Field(
        default=None,
        description="Instead of path: NAME, where EVALKIT_CONNECTION_NAME in the environment holds its URL.",
    )
    table: Words | None = Field(default=None, description="With connection: the table or view.")
    encoding: Str = Field(default="utf-8", description="The encoding of text files; any that Python knows.")
    delimiter: Str = Field(default=",", description="The one character between the values of text files.")
    missing_values: tuple[Str, ...] = Field(default=("", "NA"), description="Texts that mean 'no value'.")
    key: Column | None = Field(default=None, description="The column that is unique per record.")
    time: Annotated[str | tuple[str, ...], BeforeValidator(_time)] = Field(
        description="The column that places a record in a period, or [year, month] or [year, month, day], all integers."
    )
    fields: tuple[FieldOf, ...] = Field(min_length=1, description="The columns that are read.")
    max_rejected: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.05, description="The share of rejected records above which the source's goals are not evaluable."
    )

    @property
    def time_columns(self) -> tuple[str, ...]:
        """The columns that place a record in time: one, or year, month and perhaps day."""
        return (self.time,) if isinstance(self.time, str) else self.time

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared columns."""
        return tuple(field.name for field in self.fields)

    @property
    def connection_variable(self) -> str | None:
        """The environment variable that holds the connection's URL.

        >>> source = Source(connection="ware-house", table="t", time="d", fields=[{"name": "d", "type": "date"}])
        >>> source.connection_variable
        'EVALKIT_CONNECTION_WARE_HOUSE'
        """
        if self.connection is None:
            return None
        return "EVALKIT_CONNECTION_" + self.connection.upper().replace("-", "_")

    def field(self, name: str) -> FieldOf:
        """Return the declared field of this name. Raises KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


def one_of_text(value: Any) -> Any:
    """Refuse anything but a text, for keys that also have a mapping form."""
    if not isinstance(value, str) or not value:
        raise PydanticCustomError("expected", "{expected}", {"expected": "expected a column or a mapping"})
    return value
