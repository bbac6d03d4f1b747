"""Sets right what verify found, as far as that loses nothing: lost originals are restored from copies, renditions made again from
good originals, and files that no row knows moved to DATA_DIR/quarantine/. An original is never changed or deleted. Repeating is
harmless.
"""

import uuid
from collections.abc import Iterator

from albums.models import Photo
from processing.integrity import consistency, restoring
from processing.integrity.consistency import Findings
from processing.integrity.restoring import Say
from processing.lib import iteration
from processing.pipeline import Refused
from processing.rendering import renewing
from processing.storage import holds


def repair(found: Findings, say: Say) -> Findings:
    """Say each act; answer what remains."""
    restored = restoring.restore(found, say)
    bad = {*found.missing, *found.corrupt} - restored
    mended = restored | {key for photo in _with_bad_renditions(bad) for key in _mend(photo, bad, say)}
    moved = {
        key
        for keys in iteration.chunks(found.orphans)
        for key in consistency.unknown(keys)
        if restoring.quarantine(key, say)
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
        renewing.renew(photo, uuid.uuid4())
    except holds.Lost:
        say(f"Photo {photo.pk}: storing its renditions took so long that a sweep may have taken them. Repair it again.")
        return []
    except (Refused, OSError, Photo.DoesNotExist) as error:
        say(f"Photo {photo.pk}: its renditions could not be made again: {error}")
        return []
    say(f"Photo {photo.pk}: made its renditions again, for {', '.join(sorted(keys))}.")
    return sorted(keys)
