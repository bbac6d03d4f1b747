"""Matches a JSON file of Google Takeout with its photo by their names. Pure.

IMG_1.jpg has IMG_1.jpg.json, since 2024 IMG_1.jpg.supplemental-metadata.json. A second photo of that name is IMG_1(1).jpg, with
IMG_1.jpg(1).json or IMG_1.jpg.supplemental-metadata(1).json. An edited copy, IMG_1-edited.jpg, shares the file of IMG_1.jpg; its
suffix may be truncated with its name.
Before the number and `.json`, a name is truncated to 46 UTF-16 units; a photo's name is truncated to 47 before its extension.

https://github.com/simulot/immich-go and https://github.com/TheLastGimbus/GooglePhotosTakeoutHelper collected these rules.
"""

import re
from dataclasses import dataclass

ENDING = ".json"
SUPPLEMENT = "supplemental-metadata"
MAX_UNITS, PHOTO_MAX_UNITS = 46, (47, 48)
"""A photo's name is truncated after 47 units, or after 48 if a surrogate pair begins there."""
MAX_AMBIGUOUS = 4
"""Up to so many letters, the start of SUPPLEMENT may be a photo's extension."""
# fmt: off
EDITS = (
    "-edited", "-bearbeitet", "-modifié", "-ha editado", "-editado", "-editada", "-editat", "-modificato", "-modificata",
    "-bewerkt", "-edytowane", "-redigerad", "-redigeret", "-redigert", "-muokattu", "-upravené", "-upraveno", "-szerkesztett",
    "-szerkesztve", "-düzenlendi", "-измененный", "-изменено", "-đã chỉnh sửa", "-編集済み", "-已编辑", "-已修改", "-已編輯",
    "-수정됨", "-편집됨", "-effects", "-smile", "-mix", "-collage", "-animation",
)
# fmt: on
"""The suffixes that Google Photos adds to the name of an edited copy, in its user's language."""
EDITED = re.compile(f"({'|'.join(EDITS)})$")
TRUNCATED_EDITS = frozenset(edit[:length] for edit in EDITS for length in range(2, len(edit)))
NUMBER = re.compile(r"\(\d+\)$")
PHOTO_ENDING = re.compile(r"\.(?=[a-z0-9]{2,5}$)[a-z0-9]*[a-z][a-z0-9]*$")
"""A picture's file name extension, in lower case. `holiday.2024` has none."""
CUT_ENDING = re.compile(r"\.[a-z0-9]{0,5}$")
REPLACED = re.compile(r"[\\/:*?\"<>|&%']")
"""Characters of a title that become `_` in file names."""


@dataclass(frozen=True, slots=True)
class TakeoutName:
    """A photo's name in lower case: `base` + `ending` without the number, which is `(1)` or empty."""

    base: str
    ending: str
    number: str
    is_cut: bool = False

    @property
    def stem(self) -> str:
        return self.base + self.number

    @property
    def unedited(self) -> "TakeoutName":
        head, dash, edit = self.base.rpartition("-")
        if _units(self.base) in PHOTO_MAX_UNITS and dash + edit in TRUNCATED_EDITS:
            return TakeoutName(head, self.ending, self.number)
        return TakeoutName(EDITED.sub("", self.base), self.ending, self.number)


def is_sidecar(name: str) -> bool:
    return name.casefold().endswith(ENDING)


def stem(sidecar: str) -> str:
    """Returns `img_1(1)` for IMG_1.jpg(1).json: the stem that it shares with its photo, unless either was truncated."""
    return _photo_of(sidecar).stem


def is_about(sidecar: str, photo: str, title: str = "") -> bool:
    """True if the sidecar is about this photo, or about the original of this edited copy.

    `title`: the photo's full name, as the sidecar states it.
    """
    target = _photo_of(sidecar)
    return any(_matches(target, variant, title) for name in _names(photo) for variant in (name, name.unedited))


def photo_stems(sidecar: str, title: str = "") -> set[str]:
    """Returns the stems of photos that the sidecar may be about."""
    target, full_base = _photo_of(sidecar), _base(title)
    bases = {target.base, *((_truncate(full_base, units) for units in PHOTO_MAX_UNITS) if title else ())}
    names = {base + edit for base in bases for edit in ("", *EDITS)}
    return {name + target.number for base in names for name in (base, _truncate(base, PHOTO_MAX_UNITS[0]))}


def sidecar_stems(photo: str) -> set[str]:
    """Returns the stems of sidecars that may be about this photo."""
    names = [variant for name in _names(photo) for variant in (name, name.unedited)]
    return {stem(_truncate(name.base + name.ending, MAX_UNITS) + name.number + ENDING) for name in names}


def _matches(target: TakeoutName, photo: TakeoutName, title: str) -> bool:
    if target.number != photo.number:
        return False
    photo_name, target_name = photo.base + photo.ending, target.base + target.ending
    if target.is_cut:
        return photo_name.startswith(target_name) and _base(title).startswith(photo.base if title else "")
    return target_name == photo_name or (not target.ending and target.base == photo.base)


def _photo_of(sidecar: str) -> TakeoutName:
    """Returns the name of the sidecar's photo, as far as it can be read from the sidecar's name."""
    name = sidecar.casefold().removesuffix(ENDING)
    number = _number(name)
    name = name.removesuffix(number)
    is_cut = _units(name) >= MAX_UNITS
    head, dot, suffix = name.rpartition(".")
    if dot and SUPPLEMENT.startswith(suffix) and (len(suffix) > MAX_AMBIGUOUS or PHOTO_ENDING.search(head)):
        name, is_cut = head, False
    ending = (CUT_ENDING if is_cut else PHOTO_ENDING).search(name)
    return (
        TakeoutName(name.removesuffix(ending[0]), ending[0], number, is_cut)
        if ending
        else TakeoutName(name, "", number, is_cut)
    )


def _names(photo: str) -> list[TakeoutName]:
    """Returns the possible readings of a photo's name.

    A number before the extension is Takeout's, or part of the name unless the name would then have been truncated.
    """
    photo = photo.casefold()
    match = PHOTO_ENDING.search(photo)
    ending = match[0] if match else ""
    base = photo.removesuffix(ending)
    number = _number(base)
    unnumbered = [TakeoutName(base, ending, "")] if _units(base) <= max(PHOTO_MAX_UNITS) or not number else []
    return [TakeoutName(base.removesuffix(number), ending, number), *unnumbered] if number else unnumbered


def _base(title: str) -> str:
    """Returns the base of a photo's full name, with the characters that file names may contain."""
    return PHOTO_ENDING.sub("", REPLACED.sub("_", title.casefold()))


def _number(name: str) -> str:
    match = NUMBER.search(name)
    return match[0] if match else ""


def _units(name: str) -> int:
    return len(name.encode("utf-16-le")) // 2


def _truncate(name: str, units: int) -> str:
    return name.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore")
