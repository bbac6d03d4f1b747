"""Huey's settings: a queue in SQLite in DATA_DIR, or in Redis if REDIS_URL is set.

A message only wakes up a worker; the job's state is in its row. So the queue keeps no results, retries or schedules for jobs, and
a lost or duplicated message is harmless.
"""

import sys
from pathlib import Path
from typing import Any

from config import file_modes

# Without timeouts, a frozen Redis delayed requests by a minute.
REDIS_TIMEOUTS: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 2}

CONSUMER = {
    "worker_type": "thread",  # a worker process would outlive a killed consumer, and decoding has its own child process anyway
    "workers": 1,  # one image at a time
    # Polling an empty queue takes a tenth of a millisecond, and a user may be waiting for the next photo.
    "initial_delay": 0.1,
    "backoff": 1,
    "max_delay": 0.1,
    "health_check_interval": 1,
    "graceful_signal": "TERM",
    "shutdown_timeout": 25,
}


class FastConnection(file_modes.PrivateConnection):
    """A connection that does not wait for the disk. The sweep resends wake-ups that a power cut has lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous=NORMAL")


def import_huey_without(*modules: str) -> None:
    """Imports Huey as if `modules` were not installed. Has no effect on modules that are already imported.

    Huey imports the client of each server that it supports. Those of Redis and PostgreSQL take 23 MB and 0.15 s in every process.
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
        "immediate": False,  # explicit, because djhuey uses DEBUG as the default
        "results": False,
        "serializer": SignedJson(secret_key),
        "consumer": CONSUMER,
    }
    if redis_url:
        from redis import ConnectionPool

        pool = ConnectionPool.from_url(redis_url, **REDIS_TIMEOUTS)
        return common | {"huey_class": "config.huey_messages.RedisQueue", "connection": {"connection_pool": pool}}
    connection = {"filename": str(sqlite), "timeout": 5, "factory": FastConnection}
    return common | {"huey_class": "config.huey_messages.SqliteQueue", "connection": connection}
