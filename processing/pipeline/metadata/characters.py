"""Which characters of a stranger's text are kept: all that can be seen, and the invisible ones that letters and emoji need.

Python knows the Unicode of its own release. What is unassigned there is a letter or an emoji tomorrow, so it is kept.
"""

from __future__ import annotations

import re
import unicodedata

CONTROLS = {"Cc", "Cs"}
"""Control characters and lone halves of a surrogate pair."""
BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""What turns the direction of text round: `photo`, U+202E, `gpj.exe` is shown as `photoexe.jpg`."""
MARKS = set("\u061c\u200e\u200f")
"""Direction marks. They belong in a sentence of two scripts, not in a file's name."""
BLANK = set("\u00ad\u180e\u200b\u2028\u2029\ufeff\ufff9\ufffa\ufffb\u3164\uffa0") | {
    chr(code) for code in (*range(0x2060, 0x2066), *range(0x206A, 0x2070), *range(0x1D173, 0x1D17B))
}
JOINERS = "\u200c\u200d"
"""ZWNJ, which Persian and Indic words need, and ZWJ, which holds the parts of an emoji together."""
NEVER = re.compile(
    "[\ufdd0-\ufdef\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    + "".join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
"""Noncharacters, and what Unicode keeps invisible for ever."""
TAGS = re.compile("[\U000e0000-\U000e007f]+")
TAG_SEQUENCE = re.compile("(?<=[\U0001f000-\U0001faff\ufe0f])[\U000e0020-\U000e007e]{1,32}\U000e007f")
"""Of a flag (UTS 51, ED-14a): England's is a black flag, `gbeng` in tag characters, and a cancel tag. Others hide text."""
UNSTABLE = re.compile("[^\u2000-\u2fff\uf900-\ufaff\U0002f800-\U0002fa1f]+")
"""What NFC may put together. It would exchange compatibility ideographs for others, as Apple's file systems do not either."""


def composed(text: str) -> str:
    """The text in NFC, so that a name from a Mac is the same as one from elsewhere; names of people keep their ideographs."""
    return UNSTABLE.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)


def seen(text: str, *, also: str = "") -> str:
    """The text without what nobody can see or what deceives; the control characters in `also` stay."""
    if not text.isascii():
        text = NEVER.sub("", TAGS.sub(_tags, text))
    return "".join(char for char in text if char in also or _is_seen(char))


def cut(text: str, most: int) -> str:
    """At most so many characters of it, not ending within an emoji or between a letter and its accent."""
    if len(text) <= most:
        return text
    end = most
    while end and (_continues(text[end]) or text[end - 1] == JOINERS[1]):
        end -= 1
    return text[: end or most]


def _tags(found: re.Match[str]) -> str:
    whole = TAG_SEQUENCE.match(found.string, found.start())
    return whole[0] if whole else ""


def _is_seen(char: str) -> bool:
    return char not in BIDI and char not in BLANK and unicodedata.category(char) not in CONTROLS


def _continues(char: str) -> bool:
    """Belongs to the character before it: accents, selectors, skin colours, joiners and tags."""
    return (
        char in JOINERS
        or unicodedata.category(char) in {"Mn", "Me", "Mc"}
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )
