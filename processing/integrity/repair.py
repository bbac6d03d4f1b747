"""Repairs inconsistencies without losing data: restores lost originals from copies, renders renditions again from good originals,
and moves orphans to DATA_DIR/quarantine/. Never changes or deletes an original. Repeating is harmless.

A copy is any file with the same SHA-256: in incoming/, in quarantine/, an orphan, or the original of another photo. A damaged
file is moved to quarantine/ before a copy replaces it.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from albums import holds, key_columns
from albums.key_columns import Kind
from albums.models import Photo
from processing.integrity import consistency, file_check
from processing.integrity.consistency import Findings
from processing.integrity.file_check import ExpectedFile
from processing.lib import iteration
from processing.models import Upload
from processing.pipeline import ImageRejected
from processing.rendering import rerender
from processing.storage import keys as storage_keys
from processing.storage import locations, store

Say = Callable[[str], None]
Copies = dict[int, list[str]]
"""Keys of possible copies, by file size."""


def repair(findings: Findings, say: Say) -> Findings:
    """Repairs what it can, passes a message about each step to `say`, and returns the remaining findings."""
    restored = restore(findings, say)
    bad_keys = {*findings.missing, *findings.corrupt} - restored
    repaired = restored | {key for photo in _with_bad_renditions(bad_keys) for key in _rerender(photo, bad_keys, say)}
    moved = {
        key for keys in iteration.chunks(findings.orphans) for key in consistency.orphans(keys) if quarantine(key, say)
    }
    return Findings(
        photos=findings.photos,
        missing=[key for key in findings.missing if key not in repaired],
        corrupt=[key for key in findings.corrupt if key not in repaired],
        orphans=[key for key in findings.orphans if key not in moved],
    )


def _with_bad_renditions(bad_keys: set[str]) -> Iterator[Photo]:
    for keys in iteration.chunks(sorted(bad_keys)):
        yield from Photo.objects.filter(renditions__key__in=keys).distinct()


def _rerender(photo: Photo, bad_keys: set[str], say: Say) -> list[str]:
    """Renders the renditions of a photo again, and returns the bad keys that the new renditions replace."""
    replaced_keys = bad_keys.intersection(photo.renditions.values_list("key", flat=True))
    if not replaced_keys:  # repaired already in an earlier chunk
        return []
    if photo.original_key in bad_keys:
        say(f"Photo {photo.pk}: can't make its renditions again, because its original is damaged too.")
        return []
    try:
        rerender.render_again(photo, uuid.uuid4())
    except holds.HoldLost:
        say(f"Photo {photo.pk}: storing its renditions took too long. Run the repair again.")
        return []
    except rerender.Rotated:
        say(f"Photo {photo.pk}: was rotated while its renditions were made. Run the repair again.")
        return []
    except (ImageRejected, OSError, Photo.DoesNotExist) as error:
        say(f"Photo {photo.pk}: can't make its renditions again: {error}")
        return []
    say(f"Photo {photo.pk}: made its renditions again, replacing {', '.join(sorted(replaced_keys))}.")
    return sorted(replaced_keys)


def restore(findings: Findings, say: Say) -> set[str]:
    """Restores lost originals, companions and raw files from copies, and returns the restored keys."""
    lost_files = list(_lost_files([*findings.missing, *findings.corrupt]))
    if not lost_files:
        return set()
    quarantined = (key for place in locations.in_use() for key in store().keys(place + storage_keys.QUARANTINE))
    copies = _possible_copies([*findings.orphans, *quarantined], {file.size for file in lost_files})
    return {file.key for file in lost_files if _restore_file(file, copies, say)}


def quarantine(key: str, say: Say) -> bool:
    """Moves a file to quarantine/, with a numeric suffix if the name is taken. False if that failed."""
    base = target = storage_keys.quarantined(key)
    number = 1
    try:
        while store().exists(target):
            target = f"{base}.{number}"
            number += 1
        store().move(key, target)
    except OSError as error:
        say(f"{key} can't be moved: {error.strerror}.")
        return False
    say(f"Moved {key} to {target}.")
    return True


def _lost_files(bad_keys: list[str]) -> Iterator[ExpectedFile]:
    for keys in iteration.chunks(bad_keys):
        for column in key_columns.columns(Kind.STORED, Kind.RAW):
            yield from (ExpectedFile(*file) for file in column.holding(keys).values_list(*column.file_lookups))


def _possible_copies(keys: Iterable[str], sizes: set[int]) -> Copies:
    copies: Copies = defaultdict(list)
    for key in keys:
        if (size := _size(key)) in sizes:
            copies[size].append(key)
    return copies


def _restore_file(file: ExpectedFile, copies: Copies, say: Say) -> bool:
    source = next((key for key in _candidates(file, copies) if _is_copy(key, file)), None)
    if source is None:
        return False
    if store().exists(file.key) and not quarantine(file.key, say):
        return False
    try:
        store().copy_or_link(source, file.key)
    except OSError as error:
        say(f"{file.key} can't be restored: {error.strerror}.")
        return False
    say(f"Restored {file.key} from {source}.")
    return True


def _candidates(file: ExpectedFile, copies: Copies) -> Iterator[str]:
    yield from (upload.key for upload in Upload.objects.filter(sha256=file.sha256))
    for column in key_columns.columns(Kind.STORED):
        yield from column.rows().filter(**{column.sha256: file.sha256}).values_list(column.key, flat=True)
    yield from copies.get(file.size, [])


def _is_copy(key: str, file: ExpectedFile) -> bool:
    try:
        return key != file.key and file_check.matches(key, file, lambda _: None)
    except OSError:
        return False


def _size(key: str) -> int:
    try:
        return store().size(key)
    except OSError:
        return -1
