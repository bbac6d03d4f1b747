"""Text whose charset nobody told, and which is no UTF-8: told by the characters that come out.

Wrong guesses mix scripts or make rare characters; a charset is believed only if all that comes out is of its script.
"""

from __future__ import annotations

import re

JAPANESE = re.compile(r"(?=.*[\u3041-\u30fe])[\x00-\x7f\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]+", re.DOTALL)
CHINESE = re.compile(
    r"(?=.*[\u4e00-\u9fff].*[\u4e00-\u9fff])[\x00-\x7f\u3000-\u3017\u4e00-\u9fff\uff01-\uff5e]+", re.DOTALL
)
# Words of Cyrillic alone: a Western word has plain letters beside its accented ones.
CYRILLIC = re.compile(
    r"(?=(?:.*?[\u0430-\u044f]){4})(?:[^A-Za-z\u0080-\uffff]|\b[\u0401-\u0451]+\b|\b[A-Za-z]+\b|[«»№\u2013\u2014])+",
    re.DOTALL,
)
CYRILLIC_ONLY = re.compile(rb"[\x00-\x7f\xa8\xab\xb8-\xb9\xbb\x96\x97\xc0-\xff]+")


def guessed(content: bytes) -> str:
    for charset, script in _candidates(content):
        try:
            text = content.rstrip(b"\0").decode(charset)
        except UnicodeDecodeError:
            continue
        if script.fullmatch(text):
            return text
    return content.decode("cp1252", "replace")


def _candidates(content: bytes) -> list[tuple[str, re.Pattern[str]]]:
    """Russian bytes make Chinese pairs too, but hardly any Chinese text has none below them."""
    if CYRILLIC_ONLY.fullmatch(content):
        return [("cp1251", CYRILLIC)]
    return [("cp932", JAPANESE), ("gb2312", CHINESE)]
