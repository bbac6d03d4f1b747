"""Puts photos where they belong in a sorted album: those that arrive, and those whose sort key changed.

Code that publishes photos, moves them to another album, or edits dates or ratings calls `place` in the same transaction.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import connection, transaction
from django.db.models import Case, Max, Min, Q, RowRange, When, Window
from django.db.models.functions import RowNumber

from albums.models import Album, Photo
from albums.order import keys, positions, spacing

Neighbours = tuple[int, int | None, int | None]
"""A photo's id, and the positions of the next photos on either side, None at the ends of the album."""
PLACED = "SELECT id, lower, upper FROM ({rows}) placed WHERE id IN ({ids}) ORDER BY place"


@transaction.atomic
def place(album_id: int, photo_ids: Sequence[int], former: Mapping[int, int] | None = None) -> None:
    """Moves the photos to their places in the album's order. The others keep their positions, if there is room.

    A RAW counts as the JPEG that is shown for it. Albums that are sorted by upload time or by hand keep the positions that the
    photos have: the caller put them at the end. `former`: positions by id, which the photos get if they fit.
    Takes the album's lock. The number of queries is constant.
    """
    album = Album.objects.select_for_update(no_key=True).filter(pk=album_id, sorted_by__in=keys.KEYS)
    sorted_by = album.values_list("sorted_by", flat=True).first()
    if sorted_by is None:
        return
    rows = Photo.objects.filter(album=album_id, pk__in=photo_ids).values_list("pk", "shown_as")
    lead_ids = list({shown_as or pk for pk, shown_as in rows})
    if not lead_ids:
        return
    places = {} if former else _at_end(album_id, sorted_by, lead_ids)
    places = places or _between(_neighbours(album_id, sorted_by, lead_ids), former or {})
    if places:
        positions.assign(places)
    else:
        positions.sort(album_id, sorted_by)


def _at_end(album_id: int, sorted_by: str, photo_ids: Sequence[int]) -> dict[int, int]:
    """Returns the positions of photos that come behind all others, as those of a camera do; else an empty dict."""
    photos = Photo.objects.filter(album=album_id).leading()
    last = photos.exclude(pk__in=photo_ids).order_by("-position", "-pk").first()
    if last is None:
        return {}
    compared = photos.filter(pk__in=[last.pk, *photo_ids]).order_by(*keys.order_by(sorted_by))
    first, *others = compared.values_list("pk", flat=True)
    free = spacing.spread(last.position, None, len(others), spacing.now()) if first == last.pk else []
    return dict(zip(others, free, strict=False))


def _between(rows: list[Neighbours], former: Mapping[int, int]) -> dict[int, int]:
    """Returns positions between the neighbours; an empty dict if there is no room."""
    groups: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
    for pk, lower, upper in rows:
        groups[lower, upper].append(pk)
    places: dict[int, int] = {}
    for (lower, upper), ids in groups.items():
        wanted = [former[pk] for pk in ids if pk in former]
        is_fitting = len(wanted) == len(ids) and _is_increasing(lower, wanted, upper)
        free = wanted if is_fitting else spacing.spread(lower, upper, len(ids), spacing.now())
        if not free:
            return {}
        places.update(zip(ids, free, strict=True))
    return places


def _is_increasing(lower: int | None, numbers: list[int], upper: int | None) -> bool:
    ends = ([] if lower is None else [lower], [] if upper is None else [upper])
    return all(before < after for before, after in itertools.pairwise([*ends[0], *numbers, *ends[1]]))


def _neighbours(album_id: int, sorted_by: str, photo_ids: Sequence[int]) -> list[Neighbours]:
    """Returns the photos in the album's order, each with its neighbours among the others. Reads the whole album once."""
    if len(photo_ids) > 1:
        return _neighbours_of_many(album_id, sorted_by, photo_ids)
    [photo_id] = photo_ids
    others = Photo.objects.filter(album=album_id).leading().exclude(pk=photo_id).order_by()
    photos, is_before = keys.compared(others, sorted_by, photo_id)
    ends = photos.aggregate(lower=Max("position", filter=is_before), upper=Min("position", filter=~is_before))
    return [(photo_id, ends["lower"], ends["upper"])]


def _neighbours_of_many(album_id: int, sorted_by: str, photo_ids: Sequence[int]) -> list[Neighbours]:
    """As `_neighbours`, by sorting the album, which takes ten times as long for 100,000 photos."""
    order = keys.order_by(sorted_by)
    other = Case(When(~Q(pk__in=photo_ids), then="position"))
    photos = Photo.objects.filter(album=album_id).leading().order_by()
    rows = photos.annotate(
        place=Window(RowNumber(), order_by=order),
        lower=Window(Max(other), order_by=order, frame=RowRange(end=0)),
        upper=Window(Min(other), order_by=order, frame=RowRange(start=0)),
    ).values("id", "place", "lower", "upper")
    sql, parameters = rows.query.sql_with_params()
    placeholders = ", ".join(["%s"] * len(photo_ids))
    with connection.cursor() as cursor:
        cursor.execute(PLACED.format(rows=sql, ids=placeholders), [*parameters, *photo_ids])
        neighbours: list[Neighbours] = cursor.fetchall()
    return neighbours
