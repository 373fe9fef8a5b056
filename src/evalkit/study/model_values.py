"""The values that keys of a study file hold, and the base of all its parts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, PlainValidator, Strict, StringConstraints, Tag
from pydantic_core import PydanticCustomError

from evalkit.errors import nearest
from evalkit.periods import Window

NUMERIC = ("number", "integer")
TIMES = ("date", "datetime")
GROUPS = ("string", "integer", "boolean")
ID, NOT_BLANK, ONE_CHARACTER = r"^\w[\w-]{0,63}$", r"\S", r'^([^"\r\n\\]|\\t|[Tt]ab|TAB)$'
Problem = tuple[tuple[str, ...], str]  # the keys that lead from a part to what is wrong, and a sentence


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks a key that names another part of the study: one `to` refer to, or a field of one of `types`."""

    to: Literal["field", "source", "commitment", "measure"] = "field"
    types: tuple[str, ...] = ()
    except_for: str = ""


class Model(pydantic.BaseModel):
    """Base of all parts of a study file: frozen; an unknown key is an error, an optional one without value is not.

    With a validation context nothing is an error: what is wrong or missing is None, so that the rest can be checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _given(cls, data: Any, info: pydantic.ValidationInfo) -> Any:
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        if info.context:
            data = {key: data.get(key) if isinstance(data, dict) else None for key in fields}
        if not isinstance(data, dict):
            return data
        return {k: v for k, v in data.items() if v is not None or k not in fields or fields[k].is_required()}

    @pydantic.field_validator("*", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, handler: pydantic.ValidatorFunctionWrapHandler, info: pydantic.ValidationInfo) -> Any:
        try:
            return handler(value)
        except pydantic.ValidationError:
            if info.context:
                return None
            raise

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong between the keys of this part, any of which may be None."""
        yield from ()

    def one_of(self, *names: str) -> Iterator[Problem]:
        """Yield a problem unless exactly one of the attributes is given."""
        given = [name.rstrip("_") for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join(name.rstrip("_") for name in names)
            yield (), f"found {' and '.join(given) or 'none'} of {known}; expected exactly one of them."


def wrong(expected: str) -> PydanticCustomError:
    """Return the error that says what was expected; what was found is added where it is told."""
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def accepted_by(
    use: Callable[[str], object], else_: str, known: Callable[[], Iterable[str]]
) -> pydantic.AfterValidator:
    """Return the check that a text can be used so; if not, `else_` is told with the nearest of the known texts."""

    def check(text: str) -> str:
        try:
            use(text)
        except (ValueError, LookupError, OSError, ArithmeticError, RecursionError, re.error) as error:
            raise wrong(f"{else_.format(error=error)}.{nearest(text, known())}") from None
        return text

    return pydantic.AfterValidator(check)


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.date):
        return value
    try:
        if re.fullmatch(r"\s*[1-8]\d{3}-\d{2}-\d{2}\s*", value):
            return dt.date.fromisoformat(value.strip())
    except (TypeError, ValueError):
        pass
    raise wrong("expected a date such as 2025-12-31, of the years 1000 to 8999")


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, dict | list | tuple):
        raise wrong("expected a text, a number or a truth value")
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise wrong("expected a finite number")
    return value


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time in hours (`h`) or days (`d`), written `24h` or `7d`."""

    value: int
    unit: Literal["h", "d"]

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return self.value * (3600 if self.unit == "h" else 86400)


def _duration(value: Any) -> Duration:
    match = re.fullmatch(r"([1-9][0-9]{0,5}) ?(h|d)", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise wrong("expected whole hours or days, such as 24h or 7d")
    return Duration(int(match[1]), "h" if match[2] == "h" else "d")


Str = Annotated[str, Strict()]
Name = Annotated[str, Strict(), StringConstraints(min_length=1)]
Words = Annotated[str, Strict(), StringConstraints(pattern=NOT_BLANK)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]
Id = Annotated[str, Strict(), StringConstraints(pattern=ID)]
Day = Annotated[dt.date, BeforeValidator(_day)]
Scalar = Annotated[
    str | int | float | bool | dt.date | dt.datetime,
    PlainValidator(_scalar),
    pydantic.WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Within = Annotated[Duration, PlainValidator(_duration), pydantic.WithJsonSchema({"type": "string"})]
Column = Annotated[Name, Refers()]
Amount = Annotated[Name, Refers(types=NUMERIC)]
Moment = Annotated[Name, Refers(types=TIMES)]
Part = Annotated[Name, Refers(types=("integer",))]
Label = Annotated[Name, Refers(types=GROUPS)]
SourceName = Annotated[Str, Refers("source")]
CommitmentId = Annotated[Id, Refers("commitment")]

# A key that holds either a text or something else: Annotated[Annotated[…, TEXT] | Annotated[…, OTHER], EITHER].
TEXT, OTHER = Tag("<text>"), Tag("<other>")
EITHER = Discriminator(lambda value: "<text>" if isinstance(value, str) else "<other>")


def _kind(value: Any) -> str | None:
    given = value if isinstance(value, dict) else dict(value) if isinstance(value, Model) else {}
    kind = given.get("kind", given.get("method"))
    return None if kind is None else str(kind)


# Mappings told apart by `kind` or `method`. (A key named as discriminator could not be validated leniently.)
KIND = Discriminator(_kind)


def _plain_too(schema: dict[str, Any]) -> None:
    mapping = {key: schema.pop(key) for key in ("type", "properties", "additionalProperties")}
    schema["anyOf"] = [{"type": "string"}, mapping]


class Text(Model):
    """A text for readers: one for both languages, or one each under `en` and `zh`."""

    model_config = ConfigDict(json_schema_extra=_plain_too)

    en: Words | None = Field(None, description="The English text.")
    zh: Words | None = Field(None, description="The Chinese text.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_plain(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"en": data}
        if isinstance(data, dict | Text):
            return data
        raise wrong("expected a text, or a mapping {en: …, zh: …}; a number needs quotes")

    def problems(self) -> Iterator[Problem]:
        if self.en is None and self.zh is None:
            yield (), "expected a text under 'en', 'zh' or both."

    def in_language(self, language: str) -> str:
        """Return the text in this language (`en`, `zh`), or in the other one where it is not given."""
        first, second = (self.zh, self.en) if language == "zh" else (self.en, self.zh)
        return first or second or ""


class Titled(Model):
    """Something with an id, and a title which is the id where it is not given."""

    id: Id = Field(description="A name without spaces, by which other parts of the file refer to it.")
    title: Text = Field(Text(en="untitled"), description="The title readers see; by default the id.")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _title_is_id(cls, data: Any) -> Any:
        named = isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"].strip()
        return {**data, "title": data["id"]} if named and data.get("title") is None else data


class Actual(Model):
    """Days from `start` to `end`, both included; without `end` not over yet."""

    start: Day = Field(description="The first day.")
    end: Day | None = Field(None, description="The last day, included; absent while it runs.")

    def problems(self) -> Iterator[Problem]:
        if self.start and self.end and self.end < self.start:
            yield ("end",), f"the end, {self.end}, lies before the start, {self.start}; swap the dates."


class Span(Actual):
    """Days from `start` to `end`, both included."""

    end: Day = Field(description="The last day, included.")

    @property
    def window(self) -> Window:
        """The days as a window."""
        return Window(self.start, self.end)
