"""Which photo a JSON file of Google Takeout is about, by their names alone. Pure.

IMG_1.jpg has IMG_1.jpg.json, since 2024 IMG_1.jpg.supplemental-metadata.json. A second photo of that name is IMG_1(1).jpg, with
IMG_1.jpg(1).json or IMG_1.jpg.supplemental-metadata(1).json. An edited copy, IMG_1-edited.jpg, shares the file of IMG_1.jpg.
Before the number and `.json`, a name is cut to 46 UTF-16 units, wherever that is; photos are cut to 47 before their ending.

https://github.com/simulot/immich-go and https://github.com/TheLastGimbus/GooglePhotosTakeoutHelper collected these rules.
"""

import re
from dataclasses import dataclass

ENDING = ".json"
SUPPLEMENT = "supplemental-metadata"
CUT, PHOTO_CUTS = 46, (47, 48)
"""A photo's name ends after 47 units, or with the character that these cut in two."""
SURELY = 4
"""More letters of the supplement than this are no ending of a photo."""
EDITS = (
    *(
        "-edited",
        "-bearbeitet",
        "-modifié",
        "-ha editado",
        "-editado",
        "-editat",
        "-modificato",
        "-bewerkt",
        "-edytowane",
    ),
    *("-redigerad", "-redigeret", "-redigert", "-編集済み", "-effects", "-smile", "-mix", "-collage", "-animation"),
)
"""What Google Photos adds to the name of an edited copy, in its user's language."""
EDITED = re.compile(f"({'|'.join(EDITS)})$")
NUMBER = re.compile(r"\(\d+\)$")
PHOTO_ENDING = re.compile(r"\.(?=[a-z0-9]{2,5}$)[a-z0-9]*[a-z][a-z0-9]*$")
"""`holiday.2024` has none."""
CUT_ENDING = re.compile(r"\.[a-z0-9]{0,5}$")
REPLACED = re.compile(r"[\\/:*?\"<>|&%']")
"""What a title may hold; in names of files it is `_`."""


@dataclass(frozen=True, slots=True)
class Name:
    """Of a photo, in small letters: `base` + `ending` without the number, which is `(1)` or empty."""

    base: str
    ending: str
    number: str
    is_cut: bool = False

    @property
    def stem(self) -> str:
        return self.base + self.number

    @property
    def unedited(self) -> "Name":
        return Name(EDITED.sub("", self.base), self.ending, self.number)


def is_sidecar(name: str) -> bool:
    return name.casefold().endswith(ENDING)


def stem(sidecar: str) -> str:
    """`img_1(1)` of IMG_1.jpg(1).json: what it has in common with its photo, unless either name was cut within it."""
    return _photo_of(sidecar).stem


def is_about(sidecar: str, photo: str, title: str = "") -> bool:
    """Is this the photo, or an edited copy of it? `title`, which the file holds, is the photo's whole name."""
    told = _photo_of(sidecar)
    return any(_is_named(told, each, title) for name in _names(photo) for each in (name, name.unedited))


def photo_stems(sidecar: str, title: str = "") -> set[str]:
    """The stems of photos that it may be about."""
    told, whole = _photo_of(sidecar), _base(title)
    bases = {told.base, *((_cut(whole, units) for units in PHOTO_CUTS) if title else ())}
    return {base + edit + told.number for base in bases for edit in ("", *EDITS)}


def sidecar_stems(photo: str) -> set[str]:
    """The stems of sidecars that may be about this photo."""
    names = [each for name in _names(photo) for each in (name, name.unedited)]
    return {stem(_cut(name.base + name.ending, CUT) + name.number + ENDING) for name in names}


def _is_named(told: Name, photo: Name, title: str) -> bool:
    if told.number != photo.number:
        return False
    full, said = photo.base + photo.ending, told.base + told.ending
    if told.is_cut:
        return full.startswith(said) and _base(title).startswith(photo.base if title else "")
    return said == full or (not told.ending and told.base == photo.base)


def _photo_of(sidecar: str) -> Name:
    about = sidecar.casefold().removesuffix(ENDING)
    number = _number(about)
    about = about.removesuffix(number)
    is_cut = _units(about) >= CUT
    head, dot, last = about.rpartition(".")
    if dot and SUPPLEMENT.startswith(last) and (len(last) > SURELY or PHOTO_ENDING.search(head)):
        about, is_cut = head, False
    ending = (CUT_ENDING if is_cut else PHOTO_ENDING).search(about)
    return Name(about.removesuffix(ending[0]), ending[0], number, is_cut) if ending else Name(about, "", number, is_cut)


def _names(photo: str) -> list[Name]:
    """What a photo's name may mean: a number before its ending is Takeout's, or its own, unless it would have been cut."""
    photo = photo.casefold()
    found = PHOTO_ENDING.search(photo)
    ending = found[0] if found else ""
    base = photo.removesuffix(ending)
    number = _number(base)
    own = [Name(base, ending, "")] if _units(base) <= max(PHOTO_CUTS) or not number else []
    return [Name(base.removesuffix(number), ending, number), *own] if number else own


def _base(title: str) -> str:
    """Of a photo's whole name, as files are called."""
    return PHOTO_ENDING.sub("", REPLACED.sub("_", title.casefold()))


def _number(name: str) -> str:
    found = NUMBER.search(name)
    return found[0] if found else ""


def _units(name: str) -> int:
    return len(name.encode("utf-16-le")) // 2


def _cut(name: str, units: int) -> str:
    return name.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")
