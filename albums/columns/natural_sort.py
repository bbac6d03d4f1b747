"""Sorts file names naturally: 2 before 10, ignoring case and accents.

The page sorts the files of folders in the same order, with the browser's `Intl.Collator`.
"""

import re
import unicodedata

PUNCTUATION = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
"""In the order of the Unicode Collation Algorithm: punctuation before digits, and digits before letters."""
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not decompose, with the letters that they are sorted as."""
END, OTHER, NUMBER, LETTER = b"\0", b"\1", b"\2", b"\3"
"""What the next bytes of a key are, in sort order."""


def natural(name: str) -> bytes:
    """Returns the sort key of a name. Names that differ only in case or accents are adjacent, in a stable order.

    Keys are bytes, which both databases compare like Python: a text column would be compared by the database's locale.
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(char for char in letters if not unicodedata.combining(char)).translate(LETTERS)
    parts = b"".join(_weight(part) for part in re.findall(r"\d+|\D", plain))
    return parts + END + _bytes(unicodedata.normalize("NFC", name).swapcase())


def _weight(part: str) -> bytes:
    if part.isdecimal():
        digits = str(int(part)).encode()
        return NUMBER + bytes([len(digits)]) + digits
    if part.isalpha():
        return LETTER + _bytes(part)
    return OTHER + bytes([PUNCTUATION.find(part) + 1]) + _bytes(part)


def _bytes(text: str) -> bytes:
    """UTF-8, which sorts like the code points. File names on Linux may contain bytes that are no text."""
    return text.encode(errors="surrogatepass")
