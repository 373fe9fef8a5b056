"""The values that keys of a study file hold: texts, dates, durations, numbers, and the base of all its models."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from evalkit.periods import Window

Language = Literal["en", "zh"]
Unit = Literal["seconds", "minutes", "hours", "days"]
SECONDS_IN: dict[str, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

_ID = re.compile(r"\w[\w-]{0,63}")
_ID_SCHEMA = r"^[\p{L}\p{N}_][\p{L}\p{N}_\-]{0,63}$"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DURATION = re.compile(r"([1-9][0-9]{0,5}) ?(h|d)")
_FIRST_YEAR, _LAST_YEAR = 1000, 8999


def wrong(expected: str) -> PydanticCustomError:
    """Return the error that says what was expected (what was found is added where it is told)."""
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


class Model(BaseModel):
    """Base of all parts of a study file: frozen, and an unknown key is an error.

    An optional key without a value (`weaknesses:`) is as if it were not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        optional = {f.alias or name for name, f in cls.model_fields.items() if not f.is_required()}
        return {key: value for key, value in data.items() if value is not None or key not in optional}


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise wrong("expected 1 to 64 letters, digits, '-' and '_', beginning with a letter or digit")
    return text


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        try:
            day = dt.date.fromisoformat(value.strip())
        except ValueError:
            raise wrong("expected a day that the calendar has") from None
        if _FIRST_YEAR <= day.year <= _LAST_YEAR:
            return day
        raise wrong(f"expected a year between {_FIRST_YEAR} and {_LAST_YEAR}")
    raise wrong("expected a date such as 2025-12-31")


def _not_blank(text: str) -> str:
    if not text.strip():
        raise wrong("expected a text that is not blank")
    return text


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, dict | list | tuple):
        raise wrong("expected a text, a number or a truth value")
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise wrong("expected a finite number")
    return value


Str = Annotated[str, Strict()]
Words = Annotated[str, Strict(), AfterValidator(_not_blank)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]
Column = Annotated[str, Strict(), StringConstraints(min_length=1)]
Id = Annotated[str, Strict(), AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": _ID_SCHEMA})]
Day = Annotated[dt.date, BeforeValidator(_day)]
Scalar = Annotated[
    str | int | float | bool | dt.date | dt.datetime,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


class Text(Model):
    """A text for readers: one for both languages, or one each under `en` and `zh`."""

    en: Words | None = Field(default=None, description="The English text.")
    zh: Words | None = Field(default=None, description="The Chinese text.")

    @model_validator(mode="before")
    @classmethod
    def _from_plain(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"en": _not_blank(data)}
        if isinstance(data, dict | Text):
            return data
        raise wrong("expected a text, or a mapping {en: …, zh: …}; a number needs quotes")

    @model_validator(mode="after")
    def _has_one(self) -> Text:
        if self.en is None and self.zh is None:
            raise wrong("expected a text under 'en', 'zh' or both")
        return self

    def in_language(self, language: str) -> str:
        """Return the text in this language (`en`, `zh`), or in the other one where it is not given.

        >>> Text(en="Faster service").in_language("zh")
        'Faster service'
        """
        first, second = (self.zh, self.en) if language == "zh" else (self.en, self.zh)
        return first or second or ""

    def __call__(self, language: str = "en") -> str:
        """Return `in_language(language)`."""
        return self.in_language(language)

    def __str__(self) -> str:
        """Return the English text, or the Chinese one where there is no other."""
        return self.in_language("en")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        mapping: dict[str, Any] = handler(core_schema)
        resolved = handler.resolve_ref_schema(mapping)
        plain = {k: v for k, v in resolved.items() if k not in ("title", "description")}
        description, title = resolved.get("description", ""), resolved.get("title", "Text")
        resolved.clear()
        resolved.update(title=title, description=description, anyOf=[{"type": "string", "minLength": 1}, plain])
        return mapping


class Titled(Model):
    """Something with an id, and a title which is the id where it is not given."""

    id: Id = Field(description="A name without spaces, by which other parts of the file refer to it.")
    title: Text = Field(default=Text(en="untitled"), description="The title readers see; by default the id.")

    @model_validator(mode="before")
    @classmethod
    def _title_is_id(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("title") is not None:
            return data
        return {**data, "title": data["id"]} if isinstance(data.get("id"), str) and data["id"].strip() else data


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time in hours (`h`) or days (`d`), written `24h` or `7d`.

    >>> Duration.parse("7d")
    Duration(value=7, unit='d')
    """

    value: int
    unit: Literal["h", "d"]

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return self.value * (3600 if self.unit == "h" else 86400)

    def __str__(self) -> str:
        """Return it as the study file writes it."""
        return f"{self.value}{self.unit}"

    @classmethod
    def parse(cls, value: Any) -> Duration:
        """Read `7d` or `24h`. Raises a pydantic error for anything else."""
        if isinstance(value, cls):
            return value
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise wrong("expected whole hours or days, such as 24h or 7d")
        return cls(int(match[1]), "h" if match[2] == "h" else "d")


Within = Annotated[
    Duration,
    PlainValidator(Duration.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5} ?(h|d)$", "examples": ["7d", "24h"]}),
]


class Span(Model):
    """Days from `start` to `end`, both included."""

    start: Day = Field(description="The first day.")
    end: Day = Field(description="The last day, included.")

    @property
    def window(self) -> Window:
        """The days as a window."""
        return Window(self.start, self.end)


def exactly_one(model: Model, keys: dict[str, str], of_what: str) -> None:
    """Raise unless exactly one of the attributes (attribute: key as written) is given."""
    given = [key for attribute, key in keys.items() if getattr(model, attribute) is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none"
        raise PydanticCustomError(
            "exactly_one",
            "{sentence}",
            {"sentence": f"found {found} of {', '.join(keys.values())}; {of_what} needs exactly one of them"},
        )


def mapping_or_text(value: Any) -> str:
    """Tell the two forms of a key apart, for a pydantic discriminator."""
    return "<mapping>" if isinstance(value, dict | Model) else "<text>"
