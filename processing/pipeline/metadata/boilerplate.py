"""Recognises text that cameras and programs write into every picture, and that is therefore no caption.

Texts are compared case-insensitively, with runs of spaces as one.
"""

from __future__ import annotations

import json
import re

WORDS = frozenset(
    {
        # Cameras
        *("asahi pentax", "casio computer co.,ltd", "dcim", "dsc", "dvc 10.1 hdmi", "exif jpeg", "exif_jpeg_picture"),
        *(
            "hewlett-packard photosmart",
            "hp photosmart",
            "jpeg",
            "jpg",
            "my beautiful picture",
            "moultrie digital game camera",
        ),
        *("pentax image", "samsung camera pictures", "scanner", "sony dsc", "spypoint", "metadata-start"),
        *("camera phone", "exif_jpeg", "gopro", "image", "jpeg image", "samsung electronics", "-", ""),
        # Programs
        *(
            "acd systems digital imaging",
            "applemark",
            "binary comment",
            "charset=ascii",
            "created by imagegear",
            "created by imlib",
        ),
        *("created with gimp", "created with the gimp", "gd-jpeg", "iclarified", "intel(r) jpeg library", "picasa"),
        *("lead technologies inc. v1.01", "screenshot", "simulator screenshot", "file written by adobe photoshop"),
        # Names of fields, and placeholders in empty fields
        *(
            "ascii",
            "caption",
            "comment",
            "default",
            "description",
            "image description",
            "imagedescription",
            "n/a",
            "none",
        ),
        *(
            "no title",
            "null",
            "undefined",
            "unknown",
            "untitled",
            "user comment",
            "user comments",
            "usercomment",
            "x-default",
            "no comment",
        ),
    }
)

MAKERS = (
    "acer|agfa|agfaphoto|benq|canon|casio|concord|epson|fuji|fujifilm|ge|hp|jenoptik|kenox|kodak|konica|konica minolta"
    "|kyocera|leica|lg|medion|minolta|nikon|nokia|olympus|panasonic|pentax|polaroid|praktica|ricoh|rollei|samsung"
    "|samsung techwin|sanyo|sigma|sony|toshiba|traveler|vivitar|yakumo"
)
PATTERNS = (
    # OLYMPUS DIGITAL CAMERA, KODAK Digital Still Camera, DIGITAL CAMERA, SONY DSC
    re.compile(rf"(?:(?:{MAKERS}) )?(?:digital (?:still ?|video |photo )?camera|digitalcamera)", re.IGNORECASE),
    re.compile(rf"(?:{MAKERS}) (?:dsc|camera pictures?|jpeg|digital)", re.IGNORECASE),
    re.compile(r"(?:hp|hewlett-packard) photosmart \w+", re.IGNORECASE),
    re.compile(r"(?:[A-Z0-9.-]+ ){1,2}DIGITAL (?:STILL )?CAMERA"),
    # <KENOX S1050 / Samsung S1050>, <Digimax i5, Samsung #1>
    re.compile(r"<[^<>]*(?:samsung|kenox|digimax)[^<>]*>", re.IGNORECASE),
    # DCIM\100MEDIA\DJI_0001.JPG
    re.compile(r"(?:[\w:]*[\\/])*dcim[\\/].*", re.IGNORECASE),
    # Internal notes of phones and programs: oplus_1048608; filter: 0; fileterIntensity: 0.0
    re.compile(r"(?:oplus|oppo)_\d+", re.IGNORECASE),
    re.compile(r"filter: ?-?\d+;.*", re.IGNORECASE),
    re.compile(r"processed with (?:vsco|vscocam|moldiv)\b.*", re.IGNORECASE),
)

MODES = re.compile(
    r"(?:(?:bhdp|brust|btf|btr|burst|cof|dav|edf|fbt|frem|front|fshbty|hdr|hdrb|jbdf|mde|mdn|mon|nor|ozn|oznor|pl|ptf|ptr"
    r"|qrf|rbt|rhdr|rpt|sdr|soft|wo)_?)+"
)
"""Camera modes of Huawei's phones, concatenated: rbtoznor, hdrpl, mde_soft, sdr_HDRB."""
MAKER_NOTES = (
    (re.compile(r"(?:huawei|honor)\b"), MODES),
    (re.compile(r"dji\b"), re.compile(r"v?\d+(?:\.\d+)+|type=\w+, ?mode=\w+.*")),
)
MAX_LENGTH, MAX_NOTES_LENGTH = 300, 24


def is_boilerplate(text: str, make: str | None = None, model: str | None = None) -> bool:
    """True if a camera or program wrote the text automatically. `make` and `model` are the camera's, if known."""
    if text.startswith("{") and text.endswith("}"):
        return _is_json(text)
    if len(text) > MAX_LENGTH:
        return False
    line = " ".join(text.split())
    plain = line.casefold().rstrip(". ")
    cameras = {name for name in (_plain(make), _plain(model), _plain(f"{make} {model}")) if name}
    if plain in WORDS or plain in cameras or any(pattern.fullmatch(line) for pattern in PATTERNS):
        return True
    maker_notes = (notes for maker, notes in MAKER_NOTES if maker.match(_plain(make)))
    return len(plain) <= MAX_NOTES_LENGTH and any(notes.fullmatch(plain) for notes in maker_notes)


def _plain(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _is_json(text: str) -> bool:
    """True for a JSON object, as which Xiaomi's phones write the camera's settings."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
