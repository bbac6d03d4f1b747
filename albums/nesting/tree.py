"""The tree of albums: an album may be inside another album of the same owner. The only writer of Album.parent and Album.path.

`path` lists the ids from the top-level album down to the album itself, as "/12/40/". Each function that writes locks the trees of
the owners concerned, so that two moves at the same time cannot form a cycle. All must be called in a transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import CharField, Model, Value
from django.db.models.functions import Cast, Concat, Substr
from django.db.models.signals import post_save

from albums.models import Album

MAX_DEPTH = 20
"""Levels of albums. A path of ids with twelve digits then fits into the column."""
CHUNK = 1000
"""Ids per statement: databases limit the number of parameters."""


class NestingError(Exception):
    """The albums cannot be moved there. `code` is stable, `message` is for the user."""

    code: str
    message: str

    def __str__(self) -> str:
        return self.message


class TargetGone(NestingError):
    code, message = "target-gone", "The album to move to was deleted. Choose another one."


class OtherOwner(NestingError):
    code, message = "other-owner", "Albums can only be moved into an album of the same owner."


class InsideItself(NestingError):
    code, message = "inside-itself", "An album cannot be moved into itself or into an album inside it."


class TooDeep(NestingError):
    code, message = "too-deep", f"Albums can be nested at most {MAX_DEPTH} levels deep."


@dataclass(frozen=True, slots=True)
class Moved:
    """An album that was moved, with its parents before and after."""

    album: int
    old_parent: int | None
    new_parent: int | None


def connect() -> None:
    post_save.connect(_place, sender=Album, dispatch_uid="albums.nesting")


def path_of(album: Album) -> str:
    """Returns the album's path. Rows that were written without signals may have none; they are top-level albums."""
    return album.path or f"/{album.pk}/"


def ancestor_ids(album: Album) -> list[int]:
    """Returns the ids of the albums that the album is inside of, the top-level album first."""
    return [int(pk) for pk in path_of(album).strip("/").split("/")][:-1]


def levels(ids: Iterable[int]) -> list[list[int]]:
    """Returns the albums' ids, then those of the albums directly inside them, and so on. One query per level and 1,000 albums."""
    level_ids = [list(ids)]
    while level_ids[-1] and len(level_ids) <= MAX_DEPTH:
        level_ids.append([pk for chunk in chunks(level_ids[-1]) for pk in _children(chunk)])
    return [level for level in level_ids if level]


def with_descendants(ids: Iterable[int]) -> list[int]:
    """Returns the albums' ids and those of all albums inside them, parents before children."""
    return [pk for level in levels(ids) for pk in level]


def chunks(ids: Sequence[int]) -> Iterable[list[int]]:
    """Yields the ids in lists of at most CHUNK."""
    return (list(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK))


def roots(albums: Iterable[Album]) -> list[Album]:
    """Returns the albums without those that are inside another one of them."""
    albums = list(albums)
    ids = {album.pk for album in albums}
    return [album for album in albums if ids.isdisjoint(ancestor_ids(album))]


def lock(owners: Iterable[int | None]) -> None:
    """Locks the trees of these owners until the transaction ends. On SQLite, writing transactions exclude each other anyway."""
    owners = set(owners)
    users = get_user_model().objects.filter(pk__in=[owner for owner in owners if owner]).order_by("pk")
    list(users.select_for_update(no_key=True).values_list("pk", flat=True))
    if None in owners:
        ownerless = Album.objects.filter(owner=None, parent=None).order_by("pk")
        list(ownerless.select_for_update(no_key=True).values_list("pk", flat=True)[:1])


def move(ids: Sequence[int], parent_id: int | None) -> list[Moved]:
    """Moves the albums, with all albums inside them, into another album or, with None, to the top level.

    Skips albums that are there already, are in the trash, or are inside another one of them. Raises NestingError, and then
    changes nothing, if the target is in the trash, is inside one of the albums, belongs to another owner, or is too deep.
    """
    albums = Album.objects.filter(pk__in=ids, trashed_at=None)
    lock(albums.order_by().values_list("owner_id", flat=True).distinct())
    parent = _target(parent_id) if parent_id else None
    moving = [album for album in roots(albums) if album.parent_id != parent_id]
    if parent and moving:
        _ensure_fits(moving, parent)
    _relocate(moving, parent)
    return [Moved(album.pk, album.parent_id, parent_id) for album in moving]


def detach(albums: Iterable[Album]) -> None:
    """Moves the albums to the top level, also those in the trash."""
    _relocate([album for album in albums if album.parent_id], None)


def create(album: Album, parent_id: int | None, *, reuse: bool = False) -> Album:
    """Saves a new album, at the top level or inside another album, whose owner it gets, and returns it. Raises NestingError.

    With `reuse`, returns an album of the same title inside the other album instead, if there is one.
    """
    if parent_id:
        lock(Album.objects.filter(pk=parent_id).values_list("owner_id", flat=True))
        parent = _target(parent_id)
        same = Album.objects.filter(parent=parent, title=album.title, trashed_at=None)
        if reuse and (existing := same.order_by("pk").first()):
            return existing
        if len(ancestor_ids(parent)) + 2 > MAX_DEPTH:
            raise TooDeep
        album.parent, album.owner = parent, parent.owner
    album.save(force_insert=True)
    return album


def change_owner(ids: Sequence[int], owner_id: int | None) -> list[Moved]:
    """Gives the albums, with all albums inside them, to another user. Returns them with their parents.

    An album inside an album of another owner becomes a top-level album. Skips albums that the user owns already.
    """
    albums = Album.objects.filter(pk__in=ids, trashed_at=None)
    lock([owner_id, *albums.order_by().values_list("owner_id", flat=True).distinct()])
    transferred = [album for album in roots(albums) if album.owner_id != owner_id]
    _give(transferred, owner_id)
    return [Moved(album.pk, album.parent_id, None) for album in transferred]


def give(album: Album, owner_id: int | None) -> None:
    """Gives the albums inside the album, which may be in the trash, to its new owner. The album becomes a top-level album."""
    lock({owner_id, *Album.objects.filter(parent=album).values_list("owner_id", flat=True)})
    _give([album], owner_id)


def _give(albums: list[Album], owner_id: int | None) -> None:
    for chunk in chunks(with_descendants(album.pk for album in albums)):
        Album.objects.filter(pk__in=chunk).update(owner=owner_id)
    detach(albums)


def _target(pk: int) -> Album:
    album = Album.objects.select_related("owner").filter(pk=pk, trashed_at=None).first()
    if album is None:
        raise TargetGone
    return album


def _ensure_fits(albums: list[Album], parent: Album) -> None:
    if any(album.owner_id != parent.owner_id for album in albums):
        raise OtherOwner
    parent_path = [*ancestor_ids(parent), parent.pk]
    if not {album.pk for album in albums}.isdisjoint(parent_path):
        raise InsideItself
    if len(parent_path) + len(levels(album.pk for album in albums)) > MAX_DEPTH:
        raise TooDeep


def _relocate(albums: list[Album], parent: Album | None) -> None:
    """Writes parents, and the paths of all albums inside them: two statements for the albums of each former parent."""
    Album.objects.filter(path="").update(path=Concat(Value("/"), Cast("pk", CharField()), Value("/")))
    prefix = path_of(parent) if parent else "/"
    former_parents: dict[str, list[int]] = {}
    for album in albums:
        former_parents.setdefault(path_of(album)[: -len(f"{album.pk}/")], []).append(album.pk)
    for former_prefix, ids in former_parents.items():
        for chunk in chunks(with_descendants(ids)):
            path = Concat(Value(prefix), Substr("path", len(former_prefix) + 1))
            Album.objects.filter(pk__in=chunk).update(path=path)
        Album.objects.filter(pk__in=ids).update(parent=parent)


def _place(sender: type[Model], instance: Album, created: bool, raw: bool = False, **_: object) -> None:
    """Writes the path of a new album. Copied rows (`raw`) have theirs already."""
    if not created or raw:
        return
    parent = Album.objects.filter(pk=instance.parent_id).first() if instance.parent_id else None
    instance.path = f"{path_of(parent) if parent else '/'}{instance.pk}/"
    Album.objects.filter(pk=instance.pk).update(path=instance.path)


def _children(ids: list[int]) -> list[int]:
    return list(Album.objects.filter(parent__in=ids).order_by("pk").values_list("pk", flat=True))
