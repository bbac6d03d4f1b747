"""Words that cameras and programs write into every picture: they tell nothing about this one, so they are no caption.

The one list of them. Compared without case and with single spaces.
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
        # Programs
        *("acd systems digital imaging", "applemark", "binary comment", "charset=ascii", "created by imlib"),
        *("created with gimp", "created with the gimp", "gd-jpeg", "iclarified", "intel(r) jpeg library", "picasa"),
        *("lead technologies inc. v1.01", "screenshot", "simulator screenshot", "file written by adobe photoshop"),
        # What a field is called, and what stands in it when nothing was said
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
        *("null", "undefined", "unknown", "user comment", "user comments", "usercomment", "x-default", "no comment"),
    }
)

MAKERS = (
    "acer|agfa|agfaphoto|benq|canon|casio|concord|epson|fuji|fujifilm|ge|hp|jenoptik|kenox|kodak|konica|konica minolta"
    "|kyocera|leica|lg|medion|minolta|nikon|nokia|olympus|panasonic|pentax|polaroid|praktica|ricoh|rollei|samsung"
    "|samsung techwin|sanyo|sigma|sony|toshiba|traveler|vivitar|yakumo"
)
PATTERNS = (
    # OLYMPUS DIGITAL CAMERA, KODAK Digital Still Camera, DIGITAL CAMERA, SONY DSC
    re.compile(rf"(?:(?:{MAKERS}) )?(?:digital (?:still |video |photo )?camera|digitalcamera)", re.IGNORECASE),
    re.compile(rf"(?:{MAKERS}) (?:dsc|camera pictures?|jpeg|digital)", re.IGNORECASE),
    re.compile(r"(?:[A-Z0-9.-]+ ){1,2}DIGITAL (?:STILL )?CAMERA"),
    # <KENOX S1050 / Samsung S1050>, <Digimax i5, Samsung #1>
    re.compile(r"<[^<>]*(?:samsung|kenox|digimax)[^<>]*>", re.IGNORECASE),
    # DCIM\100MEDIA\DJI_0001.JPG
    re.compile(r"(?:[\w:]*[\\/])*dcim[\\/].*", re.IGNORECASE),
    # What phones and programs note for themselves: oplus_1048608; filter: 0; fileterIntensity: 0.0
    re.compile(r"(?:oplus|oppo)_\d+", re.IGNORECASE),
    re.compile(r"filter: ?-?\d+;.*", re.IGNORECASE),
    re.compile(r"processed with (?:vsco|vscocam|moldiv)\b.*", re.IGNORECASE),
)

MODES = re.compile(
    r"(?:(?:bhdp|brust|btf|btr|burst|cof|dav|edf|fbt|frem|front|fshbty|hdr|hdrb|jbdf|mde|mdn|mon|nor|ozn|oznor|pl|ptf|ptr"
    r"|qrf|rbt|rhdr|rpt|sdr|soft|wo)_?)+"
)
"""How Huawei's phones name their modes of taking, one behind the other: rbtoznor, hdrpl, mde_soft, sdr_HDRB."""
OF_MAKERS = (
    (re.compile(r"(?:huawei|honor)\b"), MODES),
    (re.compile(r"dji\b"), re.compile(r"v?\d+(?:\.\d+)+|type=\w+, ?mode=\w+.*")),
)
LONGEST, LONGEST_NOTES = 300, 24


def is_boilerplate(words: str, make: str | None = None, model: str | None = None) -> bool:
    """Whether a camera or program wrote these words by itself. `make` and `model` are the camera's, where it told them."""
    if words.startswith("{") and words.endswith("}"):
        return _is_json(words)
    if len(words) > LONGEST:
        return False
    line = " ".join(words.split())
    plain = line.casefold()
    cameras = {name for name in (_plain(make), _plain(model), _plain(f"{make} {model}")) if name}
    if plain in WORDS or plain in cameras or any(pattern.fullmatch(line) for pattern in PATTERNS):
        return True
    of_maker = (notes for maker, notes in OF_MAKERS if maker.match(_plain(make)))
    return len(plain) <= LONGEST_NOTES and any(notes.fullmatch(plain) for notes in of_maker)


def _plain(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _is_json(words: str) -> bool:
    """Xiaomi's phones note the camera's settings so."""
    try:
        return isinstance(json.loads(words), dict)
    except (ValueError, RecursionError):
        return False
