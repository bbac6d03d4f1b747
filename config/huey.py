"""How Huey is set up: SQLite in DATA_DIR, or Redis where REDIS_URL names one.

A message is only a wake-up (a bell); the job row is the truth. So no results, no retries and no schedules are kept in the queue
for jobs, and a lost or doubled message is harmless.
"""

import sys
from pathlib import Path
from typing import Any

from config import file_modes

REDIS_TIMEOUTS: dict[str, Any] = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
}  # a frozen Redis held requests up for a minute without

CONSUMER = {
    "worker_type": "thread",  # a worker process would outlive a killed consumer; the decoding has its own child anyway
    "workers": 1,  # one image at a time
    # A look at an empty queue takes a tenth of a millisecond, and somebody may be waiting for the photo that rings next.
    "initial_delay": 0.1,
    "backoff": 1,
    "max_delay": 0.1,
    "health_check_interval": 1,
    "graceful_signal": "TERM",
    "shutdown_timeout": 25,
}


class Unhurried(file_modes.PrivateConnection):
    """No bell waits for the disk, to ring or to be heard: of those that a power cut swallows, the sweep rings anew."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous=NORMAL")


def import_huey_without(*modules: str) -> None:
    """Import Huey as if these modules were not installed, unless they are imported already.

    Huey imports the client of each server it can use. Those of Redis and PostgreSQL take 23 MB and 0.15 s in every process.
    """
    hidden: dict[str, Any] = {name: None for name in modules if name not in sys.modules}
    sys.modules.update(hidden)
    try:
        import huey  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]


def options(redis_url: str, sqlite: Path, secret_key: str) -> dict[str, Any]:
    import_huey_without("psycopg", *([] if redis_url else ["redis"]))
    from config.huey_messages import SignedJson

    common = {
        "name": "darkroom",
        "immediate": False,  # said aloud, or djhuey copies DEBUG into it
        "results": False,
        "serializer": SignedJson(secret_key),
        "consumer": CONSUMER,
    }
    if redis_url:
        from redis import ConnectionPool

        pool = ConnectionPool.from_url(redis_url, **REDIS_TIMEOUTS)
        return common | {"huey_class": "config.huey_messages.RedisQueue", "connection": {"connection_pool": pool}}
    connection = {"filename": str(sqlite), "timeout": 5, "factory": Unhurried}
    return common | {"huey_class": "config.huey_messages.SqliteQueue", "connection": connection}
