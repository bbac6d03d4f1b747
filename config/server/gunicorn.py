"""Gunicorn's settings (`-c python:config.server.gunicorn`).

Gunicorn's master process imports this module, so it must not import Django at import time: the master takes 25 MB instead of 65.
"""

import os
import shutil
from contextlib import suppress
from typing import Any

worker_class = "config.server.gunicorn_worker.Worker"
# The main thread of a worker sends the heartbeat, other threads handle requests: a slow upload does not stop the heartbeat.
timeout = 60
graceful_timeout = 25  # less than the supervisor's PATIENCE_SECONDS
keepalive = 5  # longer than the panel's polling interval
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - heartbeat files need no disk
control_socket_disable = True  # it would be created in the home directory
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}  # no proxy headers are trusted here: settings.py decides which ones are
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Hides the memory of the master: its environment may contain secrets. Workers inherit this."""
    from config.server import prctl

    prctl.hide_memory()


def post_worker_init(worker: Any) -> None:
    """Prints the banner in the first worker, just before it accepts connections."""
    if worker.age == 1:
        from config.server import banner

        for line in banner.messages():
            print(line, flush=True)  # noqa: T201 - the banner is for the console
    _keep_sqlite_open()


def on_exit(server: Any) -> None:
    """Deletes the directory in which the web processes counted requests (`manage.py serve`)."""
    if directory := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(directory, ignore_errors=True)


def _keep_sqlite_open() -> None:
    """Keeps the main thread's SQLite connection open. The connections of requests are closed by Django.

    Closing the last connection checkpoints the write-ahead log and waits for the disk: a PATCH took 24 ms instead of 17.
    """
    from django.db import DatabaseError, connection

    if connection.vendor != "sqlite":
        connection.close()
        return
    with suppress(DatabaseError), connection.cursor() as cursor:  # requests will report it
        cursor.execute("SELECT 1 FROM django_migrations")
