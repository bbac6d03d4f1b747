"""Gunicorn's own settings (`-c python:config.server.gunicorn`).

Its master reads this, so nothing here may import Django before it is called. Kept that way the master takes 25 MB instead of 65.
"""

import os
from contextlib import suppress
from typing import Any

worker_class = "config.server.gunicorn_worker.Worker"
# The main thread of a worker gives the sign of life, its other threads answer: a slow upload is no silence.
timeout = 60
graceful_timeout = 25  # less than the supervisor's patience
keepalive = 5  # longer than the panel's polling
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - signs of life need no disk
control_socket_disable = True  # it would lie in the home directory
forwarded_allow_ips = ""
secure_scheme_headers: dict[
    str, str
] = {}  # no proxy's headers are believed here: settings.py alone says which ones count
loglevel = "warning"


def on_starting(server: Any) -> None:
    """In the master, before it forks: secrets may stand in its environment, and its workers inherit this."""
    from config.server import prctl

    prctl.hide_memory()


def post_worker_init(worker: Any) -> None:
    """The first process greets, when it is about to answer."""
    if worker.age == 1:
        from config.server import banner

        for line in banner.lines():
            print(line, flush=True)  # noqa: T201 - the console is where it belongs
    _hold_database()


def _hold_database() -> None:
    """Keep this thread's connection to SQLite, on which no request comes; others are closed by their requests.

    Whoever closes the last one folds the log into the database, and that waits for the disk: a PATCH took 24 ms instead of 17.
    """
    from django.db import DatabaseError, connection

    if connection.vendor != "sqlite":
        connection.close()
        return
    with suppress(DatabaseError), connection.cursor() as cursor:  # requests will tell of it
        cursor.execute("SELECT 1 FROM django_migrations")
