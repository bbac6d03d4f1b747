"""Text as the full-text index sees it: divided into words, with letters replaced that have no decomposition in Unicode."""

import re
import unicodedata

MAX_WORD = 64
"""Characters of a word that are searched for. PostgreSQL rejects words of 2 kB."""
LETTERS = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l",
    "đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ı": "i", "ς": "σ",  # noqa: RUF001
}  # fmt: skip
"""Letters that users type in another way. The index and the query replace them alike."""

SINGLE = (
    *("\u2e80-\u2fdf", "\u3005-\u3007", "\u3041-\u3096", "\u309d-\u309f", "\u30a1-\u30fa", "\u30fc-\u30ff"),
    *("\u3105-\u318e", "\u31a0-\u31bf", "\u31f0-\u31ff", "\u3400-\u4dbf", "\u4e00-\u9fff", "\uac00-\ud7a3"),
    *("\uf900-\ufaff", "\uff66-\uff9d", "\U00020000-\U0003ffff"),
)
"""Ranges of Chinese, Japanese and Korean characters. Each is a word of its own: there are no spaces that divide words.

A query for several of them finds them next to each other, as a part of any text.
"""

_SINGLE = re.compile(f"[{''.join(SINGLE)}]")
_TRANSLATION = str.maketrans(LETTERS)


def words(text: str) -> tuple[str, ...]:
    """Returns the words of the text in lower case: runs of letters, digits and the marks on them. The index folds accents.

    Each character of SINGLE is a word.
    """
    composed = _SINGLE.sub(r" \g<0> ", unicodedata.normalize("NFC", text)).lower().translate(_TRANSLATION)
    separated = "".join(character if _is_part_of_word(character) else " " for character in composed)
    shortened = (word[:MAX_WORD] for word in separated.split())
    return tuple(word for word in shortened if any(character.isalnum() for character in word))


def _is_part_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"
