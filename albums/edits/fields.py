"""Form fields of edits: they check and normalise what a user enters, with messages for photographers."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

MAX_TITLE, MAX_CAPTION, MAX_ALT_TEXT = 500, 5000, 1000
MAX_KEYWORDS, MAX_KEYWORD = 200, 100
MAX_STARS = 5
FIRST_YEAR, LAST_YEAR = 1826, 9998
"""The year of the first photograph, and the last one that every time zone and shift can express."""
COORDINATES = re.compile(
    r"""\s*(?P<latitude>[+-]?\d{1,3}(?:\.\d{0,15})?)\s*°?\s*(?P<north>[NSns])?\s*[,;\s]
        \s*(?P<longitude>[+-]?\d{1,3}(?:\.\d{0,15})?)\s*°?\s*(?P<east>[EWew])?\s*""",
    re.VERBOSE | re.ASCII,
)
OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):(?P<minutes>[0-5]\d)", re.ASCII)
DURATION = re.compile(r"(?P<hours>\d{1,2}):(?P<minutes>[0-5]?\d)(?::(?P<seconds>[0-5]?\d))?", re.ASCII)
OFFSETS = (
    *(
        "-12:00",
        "-11:00",
        "-10:00",
        "-09:30",
        "-09:00",
        "-08:00",
        "-07:00",
        "-06:00",
        "-05:00",
        "-04:00",
        "-03:30",
        "-03:00",
    ),
    *(
        "-02:30",
        "-02:00",
        "-01:00",
        "+00:00",
        "+01:00",
        "+02:00",
        "+03:00",
        "+03:30",
        "+04:00",
        "+04:30",
        "+05:00",
        "+05:30",
    ),
    *(
        "+05:45",
        "+06:00",
        "+06:30",
        "+07:00",
        "+08:00",
        "+08:45",
        "+09:00",
        "+09:30",
        "+10:00",
        "+10:30",
        "+11:00",
        "+12:00",
    ),
    *("+12:45", "+13:00", "+13:45", "+14:00"),
)
"""The offsets in use in the world."""


class TextField(forms.CharField):
    """A text on one line, or on several with `lines`. Control characters are rejected: XMP cannot contain them."""

    def __init__(self, *, lines: bool = False, **options: Any) -> None:
        super().__init__(required=False, **options)
        self._lines = lines

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
        text = unicodedata.normalize("NFC", text if self._lines else text.replace("\n", " "))
        ensure_printable(text)
        return text.strip()


class KeywordsField(forms.CharField):
    """Keywords separated by commas, or by semicolons if some contain commas. Its value is a list without repetitions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=MAX_KEYWORDS * (MAX_KEYWORD + 2), **options)
        self.error_messages["max_length"] = f"Use at most {MAX_KEYWORDS} keywords."

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        return "; ".join([*value, ""]).strip() if any("," in word for word in value) else ", ".join(value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return list(value)
        text = unicodedata.normalize("NFC", str(super().to_python(value) or ""))
        separator = r"[;\r\n]" if ";" in text else r"[,\r\n]"
        keywords = unique(" ".join(word.split()) for word in re.split(separator, text))
        for word in keywords:
            ensure_printable(word)
            if len(word) > MAX_KEYWORD:
                raise ValidationError(
                    f"A keyword has at most {MAX_KEYWORD} characters: “{word[:20]}…” is longer.", "long"
                )
        if len(keywords) > MAX_KEYWORDS:
            raise ValidationError(f"Use at most {MAX_KEYWORDS} keywords.", "many")
        return keywords

    def run_validators(self, value: Any) -> None:
        super().run_validators(", ".join(value))


class CoordinatesField(forms.CharField):
    """Latitude and longitude in degrees. Its value is a list of both, or None for no location."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=100, **options)

    def prepare_value(self, value: Any) -> Any:
        return (
            ", ".join(f"{degrees:.7f}".rstrip("0").rstrip(".") for degrees in value)
            if isinstance(value, list)
            else value
        )

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, list):
            return value
        text = str(super().to_python(value) or "")
        if not text:
            return None
        match = COORDINATES.fullmatch(text)
        if not match:
            raise ValidationError("Enter latitude and longitude in degrees, as in “48.85837, 2.29448”.", "malformed")
        latitude = _signed(match["latitude"], match["north"], "S")
        longitude = _signed(match["longitude"], match["east"], "W")
        if abs(latitude) > 90:
            raise ValidationError("Latitude is between -90 and 90 degrees.", "latitude")
        if abs(longitude) > 180:
            raise ValidationError("Longitude is between -180 and 180 degrees.", "longitude")
        return [round(latitude, 7), round(longitude, 7)]

    def run_validators(self, value: Any) -> None:
        """The pattern has checked everything."""


class LocalTimeField(forms.CharField):
    """A date and time without a zone. Its value is a naive datetime, or None."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, datetime):
            return value
        text = str(super().to_python(value) or "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError("Enter date and time, as in “2024-05-31 18:30”.", "malformed") from error
        if moment.tzinfo or not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValidationError(f"Enter a date from {FIRST_YEAR} to {LAST_YEAR}.", "year")
        return moment.replace(microsecond=0)


class DurationField(forms.CharField):
    """Hours, minutes and seconds, as `1:30` or `01:30:00`. Its value is a timedelta."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=10, **options)

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value) or "") or "0:00"
        match = DURATION.fullmatch(text)
        if not match:
            raise ValidationError("Enter hours, minutes and seconds, as in “1:30:00”.", "malformed")
        return timedelta(**{unit: int(number or 0) for unit, number in match.groupdict().items()})

    def run_validators(self, value: Any) -> None:
        """The pattern has checked everything."""


def unique(words: Any) -> list[str]:
    """Returns the non-empty words, without those that repeat an earlier one in upper or lower case."""
    by_key: dict[str, str] = {}
    for word in words:
        if word:
            by_key.setdefault(word.casefold(), word)
    return list(by_key.values())


def ensure_printable(text: str) -> None:
    """Raises ValidationError for a text with control characters or halves of surrogate pairs."""
    if any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in text):
        raise ValidationError("Remove the control characters from this text.", "control-characters")


def offset_minutes(text: str) -> int | None:
    """Returns the minutes east of UTC of `+02:00`; None for an empty text."""
    match = OFFSET.fullmatch(text)
    if not match:
        return None
    minutes = int(match["hours"]) * 60 + int(match["minutes"])
    return -minutes if match["sign"] == "-" else minutes


def offset_text(minutes: int | None) -> str:
    """Returns `+02:00` for 120; an empty text for None."""
    if minutes is None:
        return ""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def to_instant(local_time: datetime, minutes: int | None) -> datetime:
    """Returns the aware time of a local time. With an unknown offset, the local time is stored as UTC."""
    return local_time.replace(tzinfo=UTC) - timedelta(minutes=minutes or 0)


def _signed(number: str, hemisphere: str | None, negative: str) -> float:
    degrees = float(number)
    return -abs(degrees) if hemisphere and hemisphere.upper() == negative else degrees
