"""Writes positions, for any number of photos in a constant number of statements. The caller holds the album's lock.

With an operation, the positions before and after are recorded in FormerPosition, from which `restore` undoes it. RAWs get the
position of the JPEG that is shown for them.
"""

import json
from typing import Any

from django.db import connection

from albums.models import Operation, Photo, SortedBy
from albums.order import keys, spacing

SORTED = """
WITH ranked AS ({ranked})
SELECT photo.id AS photo_id, photo.position AS position_before, ranked.place * %s AS position_after
FROM ranked JOIN albums_photo photo ON photo.id = ranked.id
UNION ALL SELECT photo.id, photo.position, ranked.place * %s
FROM ranked JOIN albums_photo photo ON photo.shown_as_id = ranked.id
"""
UPLOADED = """
SELECT id AS photo_id, position AS position_before, COALESCE(upload_position, position) AS position_after
FROM albums_photo WHERE album_id = %s
"""
LISTED = {
    "sqlite": "SELECT CAST(key AS INTEGER) AS id, value AS position FROM json_each(%s)",
    "postgresql": "SELECT key::bigint AS id, value::bigint AS position FROM json_each_text(%s::json)",
}
"""One parameter for any number of positions."""
CHANGED = """
WITH listed AS ({listed})
SELECT photo.id AS photo_id, photo.position AS position_before, listed.position AS position_after
FROM listed JOIN albums_photo photo ON photo.id = listed.id
UNION ALL SELECT photo.id, photo.position, listed.position
FROM listed JOIN albums_photo photo ON photo.shown_as_id = listed.id
"""
RECORD = """
INSERT INTO albums_formerposition (operation_id, photo_id, position_before, position_after)
SELECT %s, photo_id, position_before, position_after FROM ({changes}) changes WHERE position_before <> position_after
ON CONFLICT (operation_id, photo_id) DO UPDATE SET position_after = excluded.position_after
"""
UPDATE = """
UPDATE albums_photo SET position = changes.position_after FROM ({changes}) changes
WHERE changes.photo_id = albums_photo.id AND changes.position_before <> changes.position_after
"""
RECORDED = "SELECT photo_id, position_before, position_after FROM albums_formerposition WHERE operation_id = %s"
COUNT_MOVED_SINCE = """
SELECT COUNT(*) FROM albums_formerposition former JOIN albums_photo photo ON photo.id = former.photo_id
WHERE former.operation_id = %s AND photo.shown_as_id IS NULL
AND (photo.album_id <> %s OR photo.position <> former.position_after)
"""
RESTORE = """
UPDATE albums_photo SET position = former.position_before FROM albums_formerposition former
WHERE former.operation_id = %s AND former.photo_id = albums_photo.id
AND albums_photo.album_id = %s AND albums_photo.position = former.position_after
"""


def sort(album_id: int, sorted_by: str, operation: Operation | None = None) -> None:
    """Gives all photos of the album positions in this order, with equal gaps. Those in the trash are sorted, too."""
    if sorted_by == SortedBy.UPLOADED:
        _write(UPLOADED, [album_id], operation)
        return
    gap = spacing.sorted_gap(Photo.objects.filter(album=album_id).count())
    sql, parameters = keys.ranked(album_id, keys.order_by(sorted_by)).query.sql_with_params()
    _write(SORTED.format(ranked=sql), [*parameters, gap, gap], operation)


def assign(positions: dict[int, int], operation: Operation | None = None) -> None:
    """Gives photos these positions, by id."""
    if positions:
        sql = CHANGED.format(listed=LISTED[connection.vendor])
        _write(sql, [json.dumps(positions)], operation)


def restore(album_id: int, operation: Operation) -> int:
    """Returns photos to where they were before the operation. Returns how many have been moved since, and stay."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_MOVED_SINCE, [operation.pk, album_id])
        unrestored: int = cursor.fetchone()[0]
        cursor.execute(RESTORE, [operation.pk, album_id])
    return unrestored


def _write(changes: str, parameters: list[Any], operation: Operation | None) -> None:
    with connection.cursor() as cursor:
        if operation:
            cursor.execute(RECORD.format(changes=changes), [operation.pk, *parameters])
            changes, parameters = RECORDED, [operation.pk]
        cursor.execute(UPDATE.format(changes=changes), parameters)
