"""Claims, retries and turns: the same for jobs and for photos to be rendered again.

Both are rows that one worker at a time holds by a claim, and that wait for a retry or for their turn.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from processing.lib import backoff
from processing.models import ProcessingJob, Rerender

Row = TypeVar("Row", ProcessingJob, Rerender)

NO_CLAIM: dict[str, Any] = {"claim": None, "lease_until": None}


def lock_first(due: QuerySet[Row], *related: str) -> Row | None:
    """Locks and returns the first of the due rows; None if there is none. Must be called in the transaction that claims it.

    Workers do not wait for each other: PostgreSQL skips the rows that other workers have locked.
    """
    # FOR UPDATE, not FOR NO KEY UPDATE: `claim` is unique, and PostgreSQL needs the full lock to change a unique column.
    return due.select_for_update(skip_locked=True, of=("self",)).select_related(*related).first()


def new(now: datetime, lease_seconds: float) -> dict[str, Any]:
    """Returns the columns of a new claim, which holds until `lease_seconds` after `now`."""
    return {"claim": uuid.uuid4(), "lease_until": now + timedelta(seconds=lease_seconds)}


def held(rows: QuerySet[Row], row: Row) -> QuerySet[Row]:
    """Returns the row among `rows`, if its claim is still the one that this worker has. Guards every write of the worker."""
    return rows.filter(pk=row.pk, claim=row.claim).exclude(claim=None)


def are_attempts_spent(row: ProcessingJob | Rerender) -> bool:
    return row.attempts >= settings.MAX_ATTEMPTS


def retry_delay(row: ProcessingJob | Rerender) -> float:
    """Returns the seconds until the next attempt: random, and twice as long on average after each attempt."""
    return backoff.delay(row.attempts, settings.BACKOFF_BASE_SECONDS, settings.BACKOFF_MAX_SECONDS)


def next_turn(queue_turns: Iterable[int | None], album_turns: Iterable[int | None]) -> int:
    """Returns the turn of a new row by start-time fair queueing: albums take turns, one photo each.

    It is behind the album's last row, but never before the front of the whole queue: a new album neither waits for 500 photos of
    another one nor keeps overtaking it. `queue_turns` contains the first turn of the queue, `album_turns` the last one of the
    album; a turn is None where there are no rows.
    """
    front = min((turn for turn in queue_turns if turn is not None), default=0)
    last = max((turn for turn in album_turns if turn is not None), default=-1)
    return max(front, last + 1)
