"""File names in an archive: unique in it, and possible on Windows, macOS and Linux."""

import re
import unicodedata
from collections.abc import Sequence

MAX_BYTES = 240
"""File systems allow 255 bytes (Linux) or 255 UTF-16 units (Windows, macOS); a number of 13 characters may be added."""
FORBIDDEN = re.compile('[\x00-\x1f\x7f-\x9f<>:"/\\\\|?*\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
"""Control characters, what Windows forbids, separators, marks that reverse the reading direction, and unpaired surrogates."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in "123456789¹²³")}
"""Devices of Windows, also with any extension: Microsoft, "Naming Files, Paths, and Namespaces"."""
NAMELESS = "file"
PLAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_ ()-]{0,99}[A-Za-z0-9_()-])?\.[A-Za-z0-9]{1,9}")
"""Most names of cameras: nothing in them needs to be replaced, unless they are reserved."""


def safe(name: str) -> str:
    """Returns the name in NFC without what a file system forbids, in at most MAX_BYTES bytes of UTF-8."""
    if PLAIN.fullmatch(name) and name.partition(".")[0].lower() not in RESERVED:
        return name
    name = FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" ").rstrip(" .") or NAMELESS
    if name.partition(".")[0].rstrip(" ").lower() in RESERVED:
        name = f"_{name}"
    stem, ending = split(name)
    if len(ending.encode()) > MAX_BYTES // 2:
        stem, ending = name, ""
    return _cut(stem, MAX_BYTES - len(ending.encode())) + ending


def split(name: str) -> tuple[str, str]:
    """Returns the name without its last extension, and that extension with its point; it may be empty."""
    stem, point, ending = name.rpartition(".")
    return (stem, point + ending) if stem.strip(".") and ending else (name, "")


class UniqueNames:
    """Gives each file of an archive a name that no other has. The same calls in the same order return the same names."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last_numbers: dict[str, int] = {}

    def group(self, names: Sequence[str]) -> list[str]:
        """Returns names for files that belong together. They get the same number, so that programs still match them.

        The first name is the photo's: `IMG_1.jpg` and `IMG_1.xmp` become `IMG_1 (2).jpg` and `IMG_1 (2).xmp`.
        """
        names = [safe(name) for name in names]
        if len(names) == 1 and self._take_unused(_folded(names[0])):
            return names
        stem, _ = split(names[0])
        if len({_folded(name) for name in names}) < len(names):
            return [self._take([name], split(name)[0])[0] for name in names]
        return self._take(names, stem)

    def _take_unused(self, folded: str) -> bool:
        """Takes the name if none of its numbers is taken. The same as _take(), and faster for most names."""
        if folded in self._taken or folded in self._last_numbers:
            return False
        self._taken.add(folded)
        return True

    def _take(self, names: list[str], stem: str) -> list[str]:
        first = _folded(names[0])
        number = self._last_numbers.get(first, 0) + 1
        while not self._taken.isdisjoint(folded := {_folded(_numbered(name, stem, number)) for name in names}):
            number += 1
        self._taken |= folded
        if number > 1:
            self._last_numbers[first] = number
        return [_numbered(name, stem, number) for name in names]


def _cut(text: str, count: int) -> str:
    """Returns as many whole characters as fit into `count` bytes of UTF-8."""
    encoded = text.encode()
    return text if len(encoded) <= count else encoded[:count].decode(errors="ignore").rstrip(" .")


def _folded(name: str) -> str:
    """Returns the same text for names that are equal on file systems that ignore case (Windows, macOS)."""
    return unicodedata.normalize("NFC", name.casefold())


def _numbered(name: str, stem: str, number: int) -> str:
    """Inserts the number behind the photo's stem if the name begins with it, otherwise before the last extension."""
    if number == 1:
        return name
    if not name.startswith(stem):
        stem, _ = split(name)
    return f"{stem} ({number}){name[len(stem) :]}"
