"""Sets right what verify found, as far as that loses nothing: lost originals are restored from copies, renditions made again from
good originals, and files that no row knows moved to DATA_DIR/quarantine/. An original is never changed or deleted. Repeating is
harmless.

A copy is wherever the same bytes, by their SHA-256, are still to be found: in incoming/, in quarantine/, under a key that no row
knows, or under another photo. A damaged file is moved to quarantine/ before a copy takes its place.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from albums.models import Companion, Photo
from processing.integrity import consistency, file_check
from processing.integrity.consistency import Findings
from processing.integrity.file_check import Wanted
from processing.lib import iteration
from processing.models import ProcessingJob, Upload
from processing.models.states import KEEPS_RAW
from processing.pipeline import Refused
from processing.rendering import rerender
from processing.storage import holds, locations, store
from processing.storage import keys as storage_keys

QUARANTINE = "quarantine"

Say = Callable[[str], None]
Copies = dict[int, list[str]]
"""Keys of what may be copies, by their size."""


def repair(found: Findings, say: Say) -> Findings:
    """Say each act; answer what remains."""
    restored = restore(found, say)
    bad = {*found.missing, *found.corrupt} - restored
    mended = restored | {key for photo in _with_bad_renditions(bad) for key in _mend(photo, bad, say)}
    moved = {
        key for keys in iteration.chunks(found.orphans) for key in consistency.unknown(keys) if quarantine(key, say)
    }
    return Findings(
        photos=found.photos,
        missing=[key for key in found.missing if key not in mended],
        corrupt=[key for key in found.corrupt if key not in mended],
        orphans=[key for key in found.orphans if key not in moved],
    )


def _with_bad_renditions(bad: set[str]) -> Iterator[Photo]:
    for keys in iteration.chunks(sorted(bad)):
        yield from Photo.objects.filter(renditions__key__in=keys).distinct()


def _mend(photo: Photo, bad: set[str], say: Say) -> list[str]:
    """The keys that were bad and are no more, since fresh ones took their place."""
    keys = bad.intersection(photo.renditions.values_list("key", flat=True))
    if not keys:  # it came in an earlier chunk too
        return []
    if photo.original_key in bad:
        say(f"Photo {photo.pk}: its renditions cannot be made again, for its original is no good either.")
        return []
    try:
        rerender.renew(photo, uuid.uuid4())
    except holds.Lost:
        say(f"Photo {photo.pk}: storing its renditions took so long that a sweep may have taken them. Repair it again.")
        return []
    except (Refused, OSError, Photo.DoesNotExist) as error:
        say(f"Photo {photo.pk}: its renditions could not be made again: {error}")
        return []
    say(f"Photo {photo.pk}: made its renditions again, for {', '.join(sorted(keys))}.")
    return sorted(keys)


def restore(found: Findings, say: Say) -> set[str]:
    """The keys that are good again."""
    lost = list(_lost([*found.missing, *found.corrupt]))
    if not lost:
        return set()
    put_aside = (key for place in locations.in_use() for key in store().keys(place + QUARANTINE))
    copies = _copies([*found.orphans, *put_aside], {wanted.size for wanted in lost})
    return {wanted.key for wanted in lost if _put_back(wanted, copies, say)}


def quarantine(key: str, say: Say) -> bool:
    """Move a file out of the way, beside whatever of the same name lies there already."""
    first = target = f"{storage_keys.of(key)}{QUARANTINE}/{storage_keys.bare(key)}"
    number = 1
    try:
        while store().exists(target):
            target = f"{first}.{number}"
            number += 1
        store().move(key, target)
    except OSError as error:
        say(f"{key} could not be moved: {error.strerror}.")
        return False
    say(f"Moved {key} to {target}.")
    return True


def _lost(bad: list[str]) -> Iterator[Wanted]:
    for keys in iteration.chunks(bad):
        for photo in Photo.objects.filter(original_key__in=keys):
            yield next(file_check.of_photo(photo))
        for companion in Companion.objects.filter(key__in=keys):
            yield from file_check.of(companion)
        for job in ProcessingJob.objects.filter(raw_path__in=keys, state__in=KEEPS_RAW).select_related("upload"):
            yield file_check.of_raw(job)


def _copies(keys: Iterable[str], sizes: set[int]) -> Copies:
    copies: Copies = defaultdict(list)
    for key in keys:
        if (size := _size(key)) in sizes:
            copies[size].append(key)
    return copies


def _put_back(wanted: Wanted, copies: Copies, say: Say) -> bool:
    source = next((key for key in _candidates(wanted, copies) if _is_copy(key, wanted)), None)
    if source is None:
        return False
    if store().exists(wanted.key) and not quarantine(wanted.key, say):
        return False
    try:
        store().keep(source, wanted.key)
    except OSError as error:
        say(f"{wanted.key} could not be restored: {error.strerror}.")
        return False
    say(f"Restored {wanted.key} from {source}.")
    return True


def _candidates(wanted: Wanted, copies: Copies) -> Iterator[str]:
    yield from (upload.key for upload in Upload.objects.filter(sha256=wanted.sha256))
    yield from Photo.objects.filter(original_sha256=wanted.sha256).values_list("original_key", flat=True)
    yield from copies.get(wanted.size, [])


def _is_copy(key: str, wanted: Wanted) -> bool:
    try:
        return key != wanted.key and file_check.is_good_at(key, wanted, lambda _: None)
    except OSError:
        return False


def _size(key: str) -> int:
    try:
        return store().size(key)
    except OSError:
        return -1
