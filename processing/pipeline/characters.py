"""Filters untrusted text: keeps visible characters, and the invisible ones that letters and emoji need.

Unassigned code points are kept: in a later Unicode version than Python's they may be letters or emoji.
"""

from __future__ import annotations

import re
import unicodedata

CONTROLS = {"Cc", "Cs"}
"""Control characters and unpaired surrogates."""
BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Characters that override the direction of text: `photo`, U+202E, `gpj.exe` is displayed as `photoexe.jpg`."""
MARKS = set("\u061c\u200e\u200f")
"""Direction marks: legitimate in a sentence with two scripts, not in a file name."""
BLANK = set("\u00ad\u180e\u200b\u2028\u2029\ufeff\ufff9\ufffa\ufffb\u3164\uffa0") | {
    chr(code) for code in (*range(0x2060, 0x2066), *range(0x206A, 0x2070), *range(0x1D173, 0x1D17B))
}
JOINERS = "\u200c\u200d"
"""ZWNJ, which Persian and Indic words need, and ZWJ, which joins the parts of an emoji."""
NEVER = re.compile(
    "[\ufdd0-\ufdef\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    + "".join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
"""Noncharacters, and code points that Unicode reserves as permanently invisible."""
TAGS = re.compile("[\U000e0000-\U000e007f]+")
TAG_SEQUENCE = re.compile("(?<=[\U0001f000-\U0001faff\ufe0f])[\U000e0020-\U000e007e]{1,32}\U000e007f")
"""The tags of a flag (UTS 51, ED-14a): England's is a black flag, `gbeng` in tag characters, and a cancel tag.
All other tag characters are removed, because they can hide text."""
UNSTABLE = re.compile("[^\u2000-\u2fff\uf900-\ufaff\U0002f800-\U0002fa1f]+")
"""Characters to normalise to NFC: all but compatibility ideographs, which NFC would replace. Apple's file systems do the same."""


def to_nfc(text: str) -> str:
    """Returns the text in NFC, so that file names from Macs equal those from other systems. Ideographs stay as they are."""
    return UNSTABLE.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)


def visible(text: str, *, keep: str = "") -> str:
    """Returns the text without invisible and misleading characters; keeps the control characters in `keep`."""
    if not text.isascii():
        text = NEVER.sub("", TAGS.sub(_tags, text))
    return "".join(char for char in text if char in keep or _is_visible(char))


def truncate(text: str, max_length: int) -> str:
    """Returns at most `max_length` characters, without cutting inside an emoji or between a letter and its accent."""
    if len(text) <= max_length:
        return text
    end = max_length
    while end and (_continues(text[end]) or text[end - 1] == JOINERS[1]):
        end -= 1
    return text[: end or max_length]


def _tags(tags: re.Match[str]) -> str:
    flag = TAG_SEQUENCE.match(tags.string, tags.start())
    return flag[0] if flag else ""


def _is_visible(char: str) -> bool:
    return char not in BIDI and char not in BLANK and unicodedata.category(char) not in CONTROLS


def _continues(char: str) -> bool:
    """True for characters that belong to the one before: accents, variation selectors, skin tones, joiners and tags."""
    return (
        char in JOINERS
        or unicodedata.category(char) in {"Mn", "Me", "Mc"}
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )
