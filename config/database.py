"""How the database is reached: SQLite in DATA_DIR, or PostgreSQL where DATABASE_URL names one."""

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
    # FULL: a commit that was answered survives a power cut; NORMAL loses the last ones.
    # Half a megabyte of cache for each thread that keeps a connection; below it is the system's, which they share.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-512;",
}
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 5,
    # A server whose machine is gone says nothing: after about half a minute its silence counts as an answer.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # A process that is frozen in the middle of a transaction would keep an album's lock for as long as it sleeps. And where
    # disks have no heads to move, an index is worth its while sooner: a page read a whole table for 50 batches.
    "options": "-c idle_in_transaction_session_timeout=60s -c random_page_cost=1.1",
}
PATIENCE_SECONDS = 10
"""How long a request waits for a free connection, or for a server that starts again, before it is told that all are busy."""
IDLE_SECONDS = 60
"""Connections that nobody needed for so long are given back."""


def options(url: str, pool: int) -> dict[str, Any]:
    """Of Django's DATABASES, for this address. `pool`: connections that one process may have at once."""
    database: dict[str, Any] = {**dj_database_url.parse(url)}
    theirs = database.get("OPTIONS", {})
    if database["ENGINE"] == SQLITE_ENGINE:
        # To open one takes 1.5 ms: pragmas, functions, and all statements prepared anew.
        return database | {"CONN_MAX_AGE": IDLE_SECONDS, "OPTIONS": theirs | SQLITE}
    pooled = {"min_size": 1, "max_size": pool, "timeout": PATIENCE_SECONDS, "max_idle": IDLE_SECONDS}
    # Each connection is tried before it is used: after a restart of the server nobody meets one of before it.
    return database | {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "OPTIONS": POSTGRESQL | theirs | {"pool": pooled}}


def files(database: Mapping[str, Any]) -> list[Path]:
    """Of one of Django's DATABASES, the file that it is; none where it is a server's."""
    is_file = database["ENGINE"] == SQLITE_ENGINE and not str(database["NAME"]).startswith(file_modes.NOT_A_PATH)
    return [Path(database["NAME"])] if is_file else []
