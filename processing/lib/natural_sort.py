"""Sorts file names naturally: 2 before 10, ignoring case and accents.

The page sorts the files of folders in the same order, with the browser's `Intl.Collator`.
"""

import re
import unicodedata

PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
"""In the order of the Unicode Collation Algorithm: punctuation before digits, and digits before letters."""
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not decompose, with the letters that they are sorted as."""

Key = tuple[tuple[tuple[int, int, str], ...], str]


def natural(name: str) -> Key:
    """Returns the sort key of a name. Names that differ only in case or accents are adjacent, in a stable order."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(char for char in letters if not unicodedata.combining(char)).translate(LETTERS)
    return tuple(_weight(part) for part in re.findall(r"\d+|\D", plain)), unicodedata.normalize("NFC", name).swapcase()


def _weight(part: str) -> tuple[int, int, str]:
    if part.isdecimal():
        return 1, int(part), ""
    if part.isalpha():
        return 2, 0, part
    return 0, PUNCTUATION.find(part), part
