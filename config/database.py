"""Connection options for SQLite and PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url

from config import file_modes

SQLITE_ENGINE = "django.db.backends.sqlite3"
SQLITE: dict[str, Any] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "factory": file_modes.PrivateConnection,
    # synchronous=FULL: acknowledged commits survive a power cut; NORMAL loses the last ones.
    # cache_size: half a megabyte for each thread with a connection. All of them share the system's page cache.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-512;",
}
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 5,
    # If the server's machine has failed, it sends nothing: the connection fails after about half a minute.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # idle_in_transaction_session_timeout: a process that is frozen in a transaction would hold an album's lock indefinitely.
    # random_page_cost: on SSDs an index pays off earlier. With the default, a page read a whole table for 50 batches.
    "options": "-c idle_in_transaction_session_timeout=60s -c random_page_cost=1.1",
}
PATIENCE_SECONDS = 10
"""How long a request waits for a free connection, or for a server that restarts, before it fails as busy."""
IDLE_SECONDS = 60
"""Connections are closed after being unused for this long."""


def options(url: str, pool: int) -> dict[str, Any]:
    """Returns an entry of DATABASES for this URL. `pool` is the maximum of connections per process."""
    database: dict[str, Any] = {**dj_database_url.parse(url)}
    url_options = database.get("OPTIONS", {})
    if database["ENGINE"] == SQLITE_ENGINE:
        # Opening a connection takes 1.5 ms for pragmas, functions and preparing all statements again.
        return database | {"CONN_MAX_AGE": IDLE_SECONDS, "OPTIONS": url_options | SQLITE}
    pooling = {"min_size": 1, "max_size": pool, "timeout": PATIENCE_SECONDS, "max_idle": IDLE_SECONDS}
    # Connections are checked before use, so that no request gets a stale one after the server has restarted.
    return database | {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": POSTGRESQL | url_options | {"pool": pooling},
    }


def files(database: Mapping[str, Any]) -> list[Path]:
    """Returns the file of an entry of DATABASES in a list; an empty list for a server or an in-memory database."""
    is_file = database["ENGINE"] == SQLITE_ENGINE and not str(database["NAME"]).startswith(file_modes.NOT_A_PATH)
    return [Path(database["NAME"])] if is_file else []
