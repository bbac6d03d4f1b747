"""Text as the full-text index sees it: divided into words, with letters replaced that have no decomposition in Unicode."""

import unicodedata

MAX_WORD = 64
"""Characters of a word that are searched for. PostgreSQL rejects words of 2 kB."""
LETTERS = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l",
    "đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ı": "i", "ς": "σ",  # noqa: RUF001
}  # fmt: skip
"""Letters that users type in another way. The index and the query replace them alike."""

_TRANSLATION = str.maketrans(LETTERS)


def words(text: str) -> tuple[str, ...]:
    """Returns the words of the text in lower case: runs of letters, digits and the marks on them. The index folds accents."""
    composed = unicodedata.normalize("NFC", text).lower().translate(_TRANSLATION)
    separated = "".join(character if _is_part_of_word(character) else " " for character in composed)
    shortened = (word[:MAX_WORD] for word in separated.split())
    return tuple(word for word in shortened if any(character.isalnum() for character in word))


def _is_part_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"
