"""Validates the responses of a child process, which a malicious file may have taken over.

A response with any invalid value raises InvalidMessage. A valid one may still be wrong about the picture, but it contains no
unknown error code, and no text or number that a page, a log or a database cannot hold. `workspace` checks the paths.
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
from processing.pipeline.process.messages import InvalidMessage, Message

MAX_TEXT, MAX_MESSAGE, MAX_TRACE, MAX_ITEMS = 5000, 1000, 8000, 10_000
MAX_INTEGER, MAX_SMALL_INTEGER, MAX_FLOAT = 2**31 - 1, 2**15 - 1, 1e15
"""The ranges of the database's integer columns, and of floats."""
MAX_PREVIEW_BYTES = 512 * 1024
MAX_NEEDED_BYTES = 1 << 50
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
FORMAT = re.compile(r"[A-Z0-9]{2,8}")
CODE = re.compile(r"[a-z0-9-]{1,40}")
PLACEHOLDER = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/]+={0,2}")
PERCEPTUAL_HASH = re.compile(r"[0-9a-f]{16}")
SOURCES = frozenset({None, "exif", "xmp", "iptc", "json", "name", "file"})
"""The valid values of `Metadata.taken_from`."""


def picture(response: Message, recipe: str) -> Picture:
    """The picture, made by `recipe`. The paths of its renditions are not validated here but by `Workspace.take`."""
    try:
        result = Picture.from_json(response["picture"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidMessage from error
    _ensure(_fits(result, Picture) and _is_valid_metadata(result.metadata))
    _ensure(FORMAT.fullmatch(result.format) and PLACEHOLDER.fullmatch(result.placeholder) and result.recipe == recipe)
    _ensure(result.perceptual_hash is None or PERCEPTUAL_HASH.fullmatch(result.perceptual_hash))
    _ensure(min(result.width, result.height, result.frames) > 0 and (result.colours.bits or 0) <= MAX_SMALL_INTEGER)
    _ensure(1 <= result.orientation <= 8)
    _ensure(all(CODE.fullmatch(note.code) for note in result.notes))
    _ensure(result.renditions and len({rendition.path for rendition in result.renditions}) == len(result.renditions))
    _ensure(all(min(rendition.width, rendition.height, rendition.bytes) > 0 for rendition in result.renditions))
    return result


def preview(response: Message) -> bytes:
    """The preview. Only its size and the signature of WebP are checked."""
    try:
        content = base64.b64decode(response["preview"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InvalidMessage from error
    _ensure(len(content) <= MAX_PREVIEW_BYTES and content[:4] == b"RIFF" and content[8:12] == b"WEBP")
    return content


def sidecar(response: Message) -> dict[str, Any]:
    """The metadata in a sidecar, as `metadata.read_sidecar_file` returns it."""
    values = response.get("sidecar")
    if not isinstance(values, dict):
        raise InvalidMessage
    arguments = dict(values)
    name = arguments.pop("file", None)
    try:
        if "exposure" in arguments:
            arguments["exposure"] = Exposure(**arguments["exposure"])
        if "gps" in arguments:
            arguments["gps"] = Gps(**arguments["gps"])
        if "keywords" in arguments:
            arguments["keywords"] = tuple(arguments["keywords"])
        result = Metadata(**arguments)
    except TypeError as error:
        raise InvalidMessage from error
    _ensure(_fits(result, Metadata) and _is_valid_metadata(result) and _fits(name, str | None))
    return values


def rejection(response: Message) -> errors.ImageRejected:
    """One of the pipeline's own errors, with its message. For an unexpected error, the child's traceback is added as a note."""
    code, message, permanent = (response.get(name) for name in ("error", "message", "permanent"))
    _ensure(isinstance(code, str) and code in errors.classes_by_code())
    _ensure(_fits(message, str) and 0 < len(str(message)) <= MAX_MESSAGE and isinstance(permanent, bool))
    needed = response.get("needed", 0)
    _ensure(type(needed) is int and 0 <= needed <= MAX_NEEDED_BYTES)
    error = errors.from_json(response)
    if "trace" in response:
        error.add_note(CONTROLS.sub("?", str(response["trace"])[-MAX_TRACE:]))
    return error


def resident_bytes(response: Message) -> int:
    """The child's resident memory, as the child reports it."""
    count = response.get("resident_bytes")
    if type(count) is not int or count < 0:
        raise InvalidMessage
    return count


def _is_valid_metadata(metadata: Metadata) -> bool:
    if metadata.taken_at is not None:
        try:
            datetime.fromisoformat(metadata.taken_at)
        except ValueError:
            return False
    is_on_earth = metadata.gps is None or (abs(metadata.gps.latitude) <= 90 and abs(metadata.gps.longitude) <= 180)
    is_rated = metadata.rating is None or abs(metadata.rating) <= MAX_SMALL_INTEGER
    return metadata.taken_from in SOURCES and is_on_earth and is_rated and (metadata.exposure.iso or 0) >= 0


def _ensure(condition: object) -> None:
    if not condition:
        raise InvalidMessage


def _fits(value: Any, kind: Any) -> bool:
    """True if the value has the annotated type `kind` and is within its bounds."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in get_args(kind))
    if origin is tuple:
        (item, _) = get_args(kind)
        return isinstance(value, tuple) and len(value) <= MAX_ITEMS and all(_fits(part, item) for part in value)
    if is_dataclass(kind):
        return type(value) is kind and all(
            _fits(getattr(value, name), hint) for name, hint in _field_types(type(value))
        )
    return _fits_scalar(value, kind)


def _fits_scalar(value: Any, kind: Any) -> bool:
    if kind is NoneType:
        return value is None
    if kind is str:
        return isinstance(value, str) and len(value) <= MAX_TEXT and not CONTROLS.search(value)
    if kind is int:
        return type(value) is int and abs(value) <= MAX_INTEGER
    is_number = type(value) in (int, float) and kind is float
    return is_number and math.isfinite(value) and abs(value) <= MAX_FLOAT


@cache
def _field_types(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(kind))
