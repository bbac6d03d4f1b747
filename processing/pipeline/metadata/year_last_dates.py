"""Rewrites dates that do not begin with the year as dates that do.

Years come last in C's `ctime()` (`Wed Jul 12 20:50:25 2023`), in e-mails (`12 Jul 2023 20:50:25 +0200`), and in most countries'
own order (`12.07.2023`). An order that the text does not show (`02/03/2014`) is not guessed.
"""

from __future__ import annotations

import re

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = rf"({'|'.join(MONTHS)})[a-z]{{0,6}}\.?"
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+)?"
DAY_MONTH_YEAR = re.compile(rf"{WEEKDAY}(\d{{1,2}})[\s-]+{MONTH}[\s,-]+(\d{{4}})(?!\d)", re.IGNORECASE)
MONTH_DAY_YEAR = re.compile(rf"{WEEKDAY}{MONTH}\s+(\d{{1,2}}),?\s+(\d{{4}})(?!\d)", re.IGNORECASE)
CTIME = re.compile(
    rf"{WEEKDAY}{MONTH}\s+(\d{{1,2}})\s+(\d{{1,2}}:\d\d(?::\d\d)?)\s+(?:([a-z]{{3,5}}(?:[+-]\d\d:?\d\d)?)\s+)?(\d{{4}})(?!\d)",
    re.IGNORECASE,
)
"""The zone is before the year, as `date` and Android's `Date.toString()` write it: `CEST`, `GMT+02:00`."""
NUMBERS = re.compile(r"(\d{1,2})([-./:])(\d{1,2})\2(\d{4})(?!\d)")


def year_first(text: str) -> str:
    """Returns the text with its date as `YYYY-MM-DD` at the beginning; unchanged if it has another form or an unclear order."""
    if match := CTIME.match(text):
        month, day, time, zone, year = match.groups(default="")
        return f"{year}-{_number(month)}-{day} {time} {zone}{text[match.end() :]}".rstrip()
    if match := DAY_MONTH_YEAR.match(text):
        day, month, year = match.groups()
    elif match := MONTH_DAY_YEAR.match(text):
        month, day, year = match.groups()
    elif match := NUMBERS.match(text):
        ordered = month_and_day(int(match[1]), int(match[3]), is_day_first=match[2] == ".")
        return f"{match[4]}-{ordered[0]}-{ordered[1]}{text[match.end() :]}" if ordered else text
    else:
        return text
    return f"{year}-{_number(month)}-{day}{text[match.end() :]}"


def month_and_day(first: int, second: int, *, is_day_first: bool = False) -> tuple[int, int] | None:
    """Returns month and day; None if both orders are possible. A date with dots whose year is last begins with the day."""
    if is_day_first or first > len(MONTHS) or first == second:
        return second, first
    return (first, second) if second > len(MONTHS) else None


def _number(month: str) -> int:
    return MONTHS.index(month[:3].lower()) + 1
