"""Where failed sign-ins are remembered for a while: in Redis where there is one, else, and while it is away, in the database.

Each failure counts for its network, and for the name that was tried from there.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.utils import timezone

from config import queue
from config.models import FailedSignIn

if TYPE_CHECKING:
    from redis import Redis  # otherwise imported where there is one: it takes 10 MB

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

PREFIX = "darkroom.sign-in"


def latest(network: str, name_hash: str | None, since: datetime, most: int) -> list[datetime]:
    """When the last ones were, the latest first: for this name, or for any."""

    def in_redis(redis: "Redis") -> list[datetime]:
        found: Any = redis.zrevrangebyscore(
            _key(network, name_hash), "inf", f"({since.timestamp()}", 0, most, withscores=True
        )
        return [datetime.fromtimestamp(at, tz=since.tzinfo) for _, at in found]

    def in_rows() -> list[datetime]:
        rows = FailedSignIn.objects.filter(network=network, at__gt=since)
        if name_hash is not None:
            rows = rows.filter(name_hash=name_hash)
        return list(rows.order_by("-at").values_list("at", flat=True)[:most])

    return _either(in_redis, in_rows)


def remember(network: str, name_hash: str, since: datetime) -> None:
    """One more; those before `since` are forgotten."""
    now = timezone.now()

    def in_redis(redis: "Redis") -> None:
        failure = {f"{name_hash}.{uuid.uuid4()}": now.timestamp()}
        with redis.pipeline() as together:
            for key in (_key(network), _key(network, name_hash)):
                together.zadd(key, failure)
                together.zremrangebyscore(key, "-inf", since.timestamp())
                together.expire(key, (now - since))
            together.execute()

    def in_rows() -> None:
        FailedSignIn.objects.filter(at__lte=since).delete()
        FailedSignIn.objects.create(network=network, name_hash=name_hash, at=now)

    _either(in_redis, in_rows)


def forget(network: str, name_hash: str) -> None:
    def in_redis(redis: "Redis") -> None:
        if failures := redis.zrange(_key(network, name_hash), 0, -1):
            redis.zrem(_key(network), *failures)
            redis.delete(_key(network, name_hash))

    _either(in_redis, lambda: None)
    FailedSignIn.objects.filter(network=network, name_hash=name_hash).delete()


def _either(in_redis: Callable[["Redis"], Answer], in_rows: Callable[[], Answer]) -> Answer:
    if not settings.REDIS_URL:
        return in_rows()
    from redis import RedisError

    try:
        return in_redis(_redis(settings.REDIS_URL))
    except RedisError:
        log.warning("Redis does not answer; failed sign-ins are remembered in the database", exc_info=True)
        return in_rows()


@cache
def _redis(url: str) -> "Redis":
    from redis import Redis

    return Redis.from_url(url, decode_responses=True, **queue.REDIS_TIMEOUTS)


def _key(network: str, name_hash: str | None = None) -> str:
    return ".".join(filter(None, (PREFIX, network, name_hash)))
