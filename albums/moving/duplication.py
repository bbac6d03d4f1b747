"""The action that copies photos to the end of another album. A copy has its own files: hard links, or copies made by the bucket.

The files are stored before the step's transaction, under keys that are recorded as leftovers first. The transaction publishes the
rows and releases the keys. A process that is killed at any point leaves only leftovers, which the sweep deletes.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from django.core.files.storage import default_storage
from django.db.models import Model, prefetch_related_objects

from albums import holds, key_columns, removal
from albums.columns import orientation
from albums.edits import rotation
from albums.models import Album, Companion, Leftover, Operation, PerceptualHash, Photo, PhotoQuerySet, Rendition
from albums.moving import new_album, places, stacks, wording
from albums.moving.signals import placed
from albums.moving.stacks import Stack
from albums.operations import Action, Losses, Result, StepChanged
from albums.order import placing

ALBUM_COLUMNS = ("album_id", "trashed_at", "shown_as_id", "alt_text", "orientation")
"""Columns that show, with those that begin with `edited_`, whether a copy was changed."""


Row = TypeVar("Row", bound=Model)


class Copying(Protocol):
    """The methods that the default storage has beyond Django's own."""

    def copy_of(self, key: str, claim: uuid.UUID) -> str: ...
    def copy_all(self, new_keys: Mapping[str, str]) -> None: ...


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """Stored copies that no row refers to yet."""

    hold: uuid.UUID
    new_keys: dict[str, str]
    incomplete: set[int]
    """Photos that cannot be copied, because a file is missing."""


class Copy(Action):
    kind = "copy"
    is_ordered = True
    step_photos = 50
    """Files of these are stored in a second or two, also in a bucket."""

    def eligible(self, operation: Operation, photos: PhotoQuerySet) -> PhotoQuerySet:
        return photos.exclude(album=operation.params["album"])

    def prepare(self, operation: Operation, photos: list[Photo]) -> PreparedFiles:
        """Stores copies of the files of all photos that the album does not have."""
        copying = _read(photos, operation.params["album"], lock=False)
        hold = uuid.uuid4()
        new_keys = {stack.lead.pk: _new_keys(stack) for stack in copying}
        Leftover.note([key for keys in new_keys.values() for key in keys.values()], hold)
        prepared = PreparedFiles(hold, {}, set())
        with holds.renewed(hold):
            for photo_id, keys in new_keys.items():
                try:
                    _storage().copy_all(keys)
                except FileNotFoundError:
                    prepared.incomplete.add(photo_id)
                else:
                    prepared.new_keys.update(keys)
        return prepared

    def lock(self, operation: Operation, photos: PhotoQuerySet) -> None:
        places.lock({operation.params["album"], *photos.values_list("album_id", flat=True)})

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        target_id = operation.params["album"]
        prepared: PreparedFiles = operation.prepared
        if not places.is_open_to(Album.objects.filter(pk=target_id).first(), operation.user):
            return Result(None, 0, len(photos))
        copying = _read(photos, target_id)
        operation.params["known"] += len(photos) - len(copying)
        complete = [stack for stack in copying if stack.lead.pk not in prepared.incomplete]
        keys = [key for stack in complete for key in _keys(stack)]
        count = sum(len(stack.photos) for stack in complete) + operation.total - operation.done
        positions = stacks.end_positions(target_id, count)
        _release(prepared, keys)
        copies = _publish(complete, target_id, positions, prepared.new_keys)
        ids = [photo.pk for photo in copies]
        placing.place(target_id, ids)
        placed.send(sender=Photo, album=target_id, photo_ids=ids)
        _render_rotated(complete, copies)
        leads = [photo for photo in copies if photo.shown_as_id is None]
        states = _states(leads)
        inverse = [[copy.pk, stack.lead.pk, states[copy.pk]] for stack, copy in zip(complete, leads, strict=True)]
        return Result(inverse or None, len(leads), len(photos) - len(leads))

    def undo(self, operation: Operation, inverse: Any) -> int:
        """Deletes the copies permanently that were not changed since, and that the user may delete.

        A copy whose source was deleted permanently meanwhile stays: it is the only one left.
        """
        albums = places.lock([operation.params["album"]])
        deletable = [pk for pk, album in albums.items() if album.is_emptiable_by(operation.user)]
        sources = Photo.objects.filter(pk__in=[source for _, source, _ in inverse])
        existing = set(sources.values_list("pk", flat=True))
        states = {pk: state for pk, source, state in inverse if source in existing}
        copies = Photo.objects.filter(album__in=deletable, pk__in=states)
        current = _states(list(copies.select_for_update(of=("self",))))
        unchanged = [pk for pk, state in current.items() if state == states[pk]]
        removal.delete_photos(Photo.objects.filter(pk__in=unchanged))
        return len(inverse) - len(unchanged)

    def finish_undo(self, operation: Operation) -> None:
        new_album.delete_untouched(operation)

    def summary(self, operation: Operation) -> str:
        return wording.placed(operation, "copied")

    def losses(self, operation: Operation) -> Losses:
        return Losses("photos-deleted", places.target_to_empty(operation))


def _read(photos: Sequence[Photo], album_id: int, *, lock: bool = True) -> list[Stack]:
    """Returns the stacks that the album does not have, with their renditions."""
    copying = stacks.without_known(stacks.read(photos, lock=lock), album_id)
    prefetch_related_objects([photo for stack in copying for photo in stack.photos], "renditions")
    return copying


def _storage() -> Copying:
    return cast(Copying, default_storage)


def _keys(stack: Stack) -> Iterator[str]:
    """Yields the keys of all files of the stack."""
    for item in stack.items:
        for key, _, _ in key_columns.files(item):
            yield key


def _new_keys(stack: Stack) -> dict[str, str]:
    """Returns new keys by the present ones. The renditions of a photo stay in one directory, which names their version."""
    new_keys = {}
    for item in stack.items:
        claim = uuid.uuid4()
        for key, _, _ in key_columns.files(item):
            new_keys[key] = _storage().copy_of(key, claim)
    return new_keys


def _publish(
    copying: Sequence[Stack], album_id: int, positions: Iterator[int], new_keys: Mapping[str, str]
) -> list[Photo]:
    """Creates the rows of all copies. Returns the photos."""
    pairs: list[tuple[Photo, Photo]] = []
    for rank in (0, 1):  # RAWs refer to the copies of their JPEGs, whose ids are known when these are saved
        copies_by_id = {photo.pk: copy for photo, copy in pairs}
        photos = [photo for stack in copying for photo in (stack.photos[1:] if rank else stack.photos[:1])]
        changes = [_photo_changes(photo, album_id, next(positions), new_keys, copies_by_id) for photo in photos]
        copies = [_copied(photo, **values) for photo, values in zip(photos, changes, strict=True)]
        pairs += zip(photos, Photo.objects.bulk_create(copies), strict=True)
    copies_by_id = {photo.pk: copy for photo, copy in pairs}
    Rendition.objects.bulk_create(
        _copied(row, photo_id=copies_by_id[row.photo_id].pk, key=new_keys[row.key])
        for photo, _ in pairs
        for row in photo.renditions.all()
    )
    Companion.objects.bulk_create(
        _copied(
            row,
            album_id=album_id,
            photo_id=copies_by_id[row.photo_id or 0].pk,
            key=new_keys[row.key],
            checked_at=None,
            verified_at=None,
        )
        for stack in copying
        for row in stack.companions
    )
    PerceptualHash.objects.bulk_create(
        _copied(row, photo_id=copies_by_id[row.photo_id].pk, album_id=album_id)
        for row in PerceptualHash.objects.filter(photo__in=copies_by_id)
    )
    return [copy for _, copy in pairs]


def _photo_changes(
    photo: Photo, album_id: int, position: int, new_keys: Mapping[str, str], leads: Mapping[int, Photo]
) -> dict[str, Any]:
    """The columns in which a copy differs. It is read back like every new photo."""
    return {
        "album_id": album_id,
        "position": position,
        "original_key": new_keys[photo.original_key],
        "shown_as_id": leads[photo.shown_as_id].pk if photo.shown_as_id else None,
        "checked_at": None,
        "verified_at": None,
    }


def _copied(row: Row, **changes: Any) -> Row:
    """Returns an unsaved row with the same values, including columns of later versions."""
    columns = [column for column in row._meta.concrete_fields if not column.auto_created and not column.primary_key]
    return type(row)(**{column.attname: getattr(row, column.attname) for column in columns} | changes)


def _release(prepared: PreparedFiles, keys: Sequence[str]) -> None:
    """Gives the keys to new rows. Those of photos that are not copied become deletable. Raises StepChanged if one is missing."""
    if not prepared.new_keys.keys() >= set(keys):
        raise StepChanged
    used = {prepared.new_keys[key] for key in keys}
    try:
        holds.ensure(prepared.hold)
        Leftover.objects.filter(hold=prepared.hold).exclude(key__in=used).update(hold=None)
        holds.release(prepared.hold, len(used))
    except holds.HoldLost:
        raise StepChanged from None


def _render_rotated(copied: Sequence[Stack], copies: Sequence[Photo]) -> None:
    """Renders the copies of photos that were rotated and whose renditions are not made again yet."""
    photos = [photo for stack in copied for photo in stack.photos]
    pending = {
        photo.original_sha256
        for photo in photos
        if any(orientation.of_recipe(row.recipe) != photo.orientation for row in photo.renditions.all())
    }
    if pending:
        ids = [copy.pk for copy in copies if copy.original_sha256 in pending]
        rotation.rotated.send(sender=Photo, photo_ids=ids)


def _states(photos: Sequence[Photo]) -> dict[int, list[Any]]:
    """Returns what users can change in each photo, as JSON: its columns, and the ids of its RAWs and companions.

    A RAW or sidecar that was uploaded later is shown with the copy, and would be deleted with it.
    """
    raws: dict[int, list[int]] = {photo.pk: [] for photo in photos}
    for pk, lead in Photo.objects.filter(shown_as__in=raws).order_by("pk").values_list("pk", "shown_as"):
        raws[lead or 0].append(pk)
    leads = {pk: lead for lead, ids in raws.items() for pk in (lead, *ids)}
    companions: dict[int, list[int]] = {photo.pk: [] for photo in photos}
    for pk, photo_id in Companion.objects.filter(photo__in=leads).order_by("pk").values_list("pk", "photo"):
        companions[leads[photo_id or 0]].append(pk)
    return {photo.pk: [*_columns(photo), raws[photo.pk], companions[photo.pk]] for photo in photos}


def _columns(photo: Photo) -> list[Any]:
    edited = [column.attname for column in photo._meta.concrete_fields if column.name.startswith("edited_")]
    return [_as_json(getattr(photo, name)) for name in (*ALBUM_COLUMNS, *sorted(edited))]


def _as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
