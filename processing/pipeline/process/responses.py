"""Reads what a child answered, as if the file that it decoded had taken it over: everything is checked before it is used.

What does not fit raises Garbled. What fits may still be a lie about the picture, but nothing more than that: no path, no code
that is not the pipeline's, no text that a page, a log or a database cannot hold.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from processing.pipeline import errors
from processing.pipeline.picture import Exposure, Gps, Metadata, Picture
from processing.pipeline.process.messages import Garbled, Message

MOST_TEXT, MOST_MESSAGE, MOST_TRACE, MOST_ITEMS = 5000, 1000, 8000, 10_000
MOST_NUMBER, MOST_SMALL, MOST_FLOAT = 2**31 - 1, 2**15 - 1, 1e15
"""What a database's integers hold."""
MOST_PREVIEW_BYTES = 512 * 1024
MOST_NEEDED = 1 << 50
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
FORMAT = re.compile(r"[A-Z0-9]{2,8}")
CODE = re.compile(r"[a-z0-9-]{1,40}")
PLACEHOLDER = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/]+={0,2}")
LIKENESS = re.compile(r"[0-9a-f]{16}")
SOURCES = frozenset({None, "exif", "xmp", "iptc", "json", "name", "file"})
"""What `Metadata.taken_from` may name."""


def picture(answer: Message, recipe: str) -> Picture:
    """The picture of that recipe. Its renditions' paths are still the child's words: see `workspace`."""
    try:
        found = Picture.from_json(answer["picture"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Garbled from error
    _ensure(_fits(found, Picture) and _is_described(found.metadata))
    _ensure(FORMAT.fullmatch(found.format) and PLACEHOLDER.fullmatch(found.placeholder) and found.recipe == recipe)
    _ensure(found.likeness is None or LIKENESS.fullmatch(found.likeness))
    _ensure(min(found.width, found.height, found.frames) > 0 and (found.colours.bits or 0) <= MOST_SMALL)
    _ensure(all(CODE.fullmatch(note.code) for note in found.notes))
    _ensure(found.renditions and len({made.path for made in found.renditions}) == len(found.renditions))
    _ensure(all(min(made.width, made.height, made.bytes) > 0 for made in found.renditions))
    return found


def preview(answer: Message) -> bytes:
    """A WebP, as far as its first bytes tell."""
    try:
        content = base64.b64decode(answer["preview"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise Garbled from error
    _ensure(len(content) <= MOST_PREVIEW_BYTES and content[:4] == b"RIFF" and content[8:12] == b"WEBP")
    return content


def sidecar(answer: Message) -> dict[str, Any]:
    """The words of a sidecar: what `metadata.of_sidecar` tells."""
    words = answer.get("sidecar")
    if not isinstance(words, dict):
        raise Garbled
    told = dict(words)
    name = told.pop("file", None)
    try:
        if "exposure" in told:
            told["exposure"] = Exposure(**told["exposure"])
        if "gps" in told:
            told["gps"] = Gps(**told["gps"])
        if "keywords" in told:
            told["keywords"] = tuple(told["keywords"])
        found = Metadata(**told)
    except TypeError as error:
        raise Garbled from error
    _ensure(_fits(found, Metadata) and _is_described(found) and _fits(name, str | None))
    return words


def refusal(answer: Message) -> errors.Refused:
    """One of the pipeline's own refusals, with its words. An unexpected error brings the child's trace along, as a note."""
    code, message, permanent = (answer.get(name) for name in ("error", "message", "permanent"))
    _ensure(isinstance(code, str) and code in errors.of_the_pipeline())
    _ensure(_fits(message, str) and 0 < len(str(message)) <= MOST_MESSAGE and isinstance(permanent, bool))
    needed = answer.get("needed", 0)
    _ensure(type(needed) is int and 0 <= needed <= MOST_NEEDED)
    refused = errors.from_json(answer)
    if "trace" in answer:
        refused.add_note(CONTROLS.sub("?", str(answer["trace"])[-MOST_TRACE:]))
    return refused


def resident_bytes(answer: Message) -> int:
    """What the child says that it holds."""
    told = answer.get("resident_bytes")
    if type(told) is not int or told < 0:
        raise Garbled
    return told


def _is_described(found: Metadata) -> bool:
    if found.taken_at is not None:
        try:
            datetime.fromisoformat(found.taken_at)
        except ValueError:
            return False
    is_on_earth = found.gps is None or (abs(found.gps.latitude) <= 90 and abs(found.gps.longitude) <= 180)
    is_rated = found.rating is None or abs(found.rating) <= MOST_SMALL
    return found.taken_from in SOURCES and is_on_earth and is_rated and (found.exposure.iso or 0) >= 0


def _ensure(is_fine: object) -> None:
    if not is_fine:
        raise Garbled


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of the type that is annotated, and bounded."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in get_args(kind))
    if origin is tuple:
        (item, _) = get_args(kind)
        return isinstance(value, tuple) and len(value) <= MOST_ITEMS and all(_fits(each, item) for each in value)
    if is_dataclass(kind):
        return type(value) is kind and all(_fits(getattr(value, name), of) for name, of in _kinds(type(value)))
    return _is_plain(value, kind)


def _is_plain(value: Any, kind: Any) -> bool:
    if kind is NoneType:
        return value is None
    if kind is str:
        return isinstance(value, str) and len(value) <= MOST_TEXT and not CONTROLS.search(value)
    if kind is int:
        return type(value) is int and abs(value) <= MOST_NUMBER
    is_number = type(value) in (int, float) and kind is float
    return is_number and math.isfinite(value) and abs(value) <= MOST_FLOAT


@cache
def _kinds(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(kind))
