"""Actions on albums that can be undone: edit, cover, pin, archive, change the owner, move, and move to the trash.

`params["albums"]` lists ids; `params["title"]` is the title if there is only one. Albums of others are skipped.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from albums import album_trash
from albums.models import Album, AlbumQuerySet, Operation, Photo
from albums.nesting import tree
from albums.operations import Action, Losses, Result, register


def connect() -> None:
    """Registers the actions."""
    for action in (Edit(), Cover(), Pin(), Archive(), ChangeOwner(), Move(), Delete()):
        register(action)


def _albums(operation: Operation, ids: list[int] | None = None) -> AlbumQuerySet:
    """The albums that the user may change, without those in the trash."""
    return Album.objects.visible_to(operation.user).filter(pk__in=operation.params["albums"] if ids is None else ids)


def _locked(operation: Operation) -> list[Album]:
    return list(_albums(operation).order_by("pk").select_for_update(of=("self",)))


def _subject(operation: Operation) -> str:
    """Returns "Rome was" or "12 albums were"."""
    if not operation.done:
        return "No album was"
    if operation.done == 1 and operation.params.get("title"):
        return f"{operation.params['title']} was"
    return "1 album was" if operation.done == 1 else f"{operation.done:,} albums were"


class _Fields(Action):
    """Writes fields of one album. The inverse has their values before and after."""

    def values(self, operation: Operation, album: Album) -> dict[str, Any]:
        """Returns the new values by column."""
        raise NotImplementedError

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        for album in _locked(operation):
            after = self.values(operation, album)
            before = {name: getattr(album, name) for name in after}
            if before != after and _albums(operation).update(**after):
                return Result({"album": album.pk, "before": before, "after": after}, done=1)
        return Result(None, done=0, skipped=1)

    def undo(self, operation: Operation, inverse: Any) -> int:
        return 1 - _albums(operation, [inverse["album"]]).filter(**inverse["after"]).update(**inverse["before"])


class Edit(_Fields):
    kind = "album-edit"

    def values(self, operation: Operation, album: Album) -> dict[str, Any]:
        return {name: operation.params["values"][name] for name in ("title", "description")}

    def summary(self, operation: Operation) -> str:
        return f"{_subject(operation)} changed."


class Cover(_Fields):
    """`params["photo"]`: the id of a photo of the album."""

    kind = "cover"

    def values(self, operation: Operation, album: Album) -> dict[str, Any]:
        is_shown = album.photos.shown().filter(pk=operation.params["photo"]).exists()
        return {"cover_id": operation.params["photo"] if is_shown else album.cover_id}

    def undo(self, operation: Operation, inverse: Any) -> int:
        is_gone = inverse["before"]["cover_id"] and not Photo.objects.filter(pk=inverse["before"]["cover_id"]).exists()
        return 1 if is_gone else super().undo(operation, inverse)

    def summary(self, operation: Operation) -> str:
        return f"The cover of {operation.params['title']} was {'changed' if operation.done else 'not changed'}."


class _Mark(Action):
    """Sets or clears a time. `params["on"]` says which. The inverse has the former times."""

    column: str
    words: tuple[str, str]
    """What was done with the albums: set, cleared."""

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        after = operation.created_at if operation.params["on"] else None
        albums = [album for album in _locked(operation) if bool(getattr(album, self.column)) != bool(after)]
        before = [[album.pk, _text(getattr(album, self.column))] for album in albums]
        done = _albums(operation, [album.pk for album in albums]).update(**{self.column: after})
        return Result({"before": before, "after": _text(after)}, done, len(operation.params["albums"]) - done)

    def undo(self, operation: Operation, inverse: Any) -> int:
        before = dict(inverse["before"])
        unchanged = _albums(operation, list(before)).filter(**{self.column: _time(inverse["after"])})
        albums = list(unchanged.select_for_update(of=("self",)))
        for album in albums:
            setattr(album, self.column, _time(before[album.pk]))
        Album.objects.bulk_update(albums, [self.column], batch_size=200)
        return len(before) - len(albums)

    def summary(self, operation: Operation) -> str:
        return f"{_subject(operation)} {self.words[0 if operation.params['on'] else 1]}."


class Pin(_Mark):
    kind, column, words = "pin", "pinned_at", ("pinned", "unpinned")


class Archive(_Mark):
    kind, column, words = "archive", "archived_at", ("archived", "moved out of the archive")


class ChangeOwner(Action):
    """`params["owner"]`: the id of the new owner; `params["owner_name"]`."""

    kind = "album-owner"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        owners = dict(_albums(operation).values_list("pk", "owner_id"))
        changed_ids = tree.change_owner(list(owners), operation.params["owner"])
        before = [[moved.album, owners[moved.album], moved.old_parent] for moved in changed_ids]
        return Result(before, len(changed_ids), len(operation.params["albums"]) - len(changed_ids))

    def undo(self, operation: Operation, inverse: Any) -> int:
        ids = [album for album, _, _ in inverse]
        returnable_ids = set(self._returnable(operation).filter(pk__in=ids).values_list("pk", flat=True))
        by_owner, by_parent = defaultdict(list), defaultdict(list)
        for album, owner, parent in inverse:
            by_owner[owner].append(album)
            by_parent[parent].append(album)
        restored = 0
        users = set(User.objects.filter(pk__in=by_owner).values_list("pk", flat=True)) | {None}
        for owner, albums in by_owner.items():
            if owner not in users:
                continue
            restored += len(tree.change_owner([pk for pk in albums if pk in returnable_ids], owner))
        for parent, albums in by_parent.items():
            _move_back([pk for pk in albums if pk in returnable_ids], parent)
        return len(ids) - restored

    def losses(self, operation: Operation) -> Losses:
        return Losses("album-given-away", self._returnable(operation))

    def _returnable(self, operation: Operation) -> AlbumQuerySet:
        """The albums that the new owner still has, and that the user may give away: they may contain more photos by now."""
        albums = _albums(operation).filter(owner=operation.params["owner"])
        return albums if operation.user.has_perm(Album.DELETE_ALBUMS) else albums.filter(owner=operation.user)

    def summary(self, operation: Operation) -> str:
        return f"{_subject(operation)} given to {operation.params['owner_name']}."


class Move(Action):
    """`params["parent"]`: the id of the album to move into, None for the top level; `params["parent_title"]`.

    Raises tree.NestingError if the albums cannot be moved there.
    """

    kind = "album-move"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        ids = list(_albums(operation).values_list("pk", flat=True))
        moved = tree.move(ids, operation.params["parent"])
        return Result([[row.album, row.old_parent] for row in moved], len(moved), len(ids) - len(moved))

    def undo(self, operation: Operation, inverse: Any) -> int:
        unchanged = _albums(operation, [album for album, _ in inverse]).filter(parent=operation.params["parent"])
        ids = set(unchanged.values_list("pk", flat=True))
        by_parent = defaultdict(list)
        for album, parent in inverse:
            by_parent[parent].append(album)
        restored = sum(_move_back([pk for pk in albums if pk in ids], parent) for parent, albums in by_parent.items())
        return len(inverse) - restored

    def summary(self, operation: Operation) -> str:
        target = operation.params["parent_title"] or "the top level"
        return f"{_subject(operation)} moved to {target}."


class Delete(Action):
    """Moves albums to the trash with the albums inside them."""

    kind = "album-delete"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        at = timezone.now()
        albums = [album for album in _albums(operation) if album.is_deletable_by(operation.user)]
        moved = album_trash.mark([album.pk for album in albums], at)
        ids = [album.pk for album in tree.roots(albums) if album.pk in set(moved)]
        return Result({"albums": ids, "at": _text(at)}, len(ids))

    def undo(self, operation: Operation, inverse: Any) -> int:
        changeable = Album.objects.changeable_by(operation.user).filter(pk__in=inverse["albums"])
        at = _time(inverse["at"])
        assert at is not None
        restored = album_trash.unmark(list(changeable.values_list("pk", flat=True)), at)
        return len(inverse["albums"]) - restored

    def summary(self, operation: Operation) -> str:
        return f"{_subject(operation)} moved to the trash."


def _move_back(ids: list[int], parent: int | None) -> int:
    """Returns how many could be moved: the former parent may be gone, or inside one of the albums."""
    try:
        return len(tree.move(ids, parent))
    except tree.NestingError:
        return 0


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
