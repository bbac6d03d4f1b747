"""The production web server."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.wsgi import get_wsgi_application
from django.db import connection
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from config import greeting

FORWARDED: dict[str, str] = {}
"""Gunicorn believes no proxy's headers: settings.py alone says which ones count."""


class Command(BaseCommand):
    help = "Answer HTTP on HOST:PORT, with WEB_PROCESSES processes of WEB_THREADS threads each (see docs/configuration.md)."

    def handle(self, *args: Any, **options: Any) -> None:
        Server().run()


class Server(BaseApplication):  # type: ignore[misc]
    def load_config(self) -> None:
        for name, value in _options().items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_wsgi_application()


def _options() -> dict[str, Any]:
    return {
        "bind": f"{greeting.in_brackets(settings.HOST)}:{settings.PORT}",
        "worker_class": "gthread",
        "workers": settings.WEB_PROCESSES,
        "threads": settings.WEB_THREADS,
        "preload_app": True,  # once, before the processes part: they share its memory, and a new one is there at once
        # The main thread of a worker gives the sign of life, its other threads answer: a slow upload is no silence.
        "timeout": 60,
        "graceful_timeout": 25,  # less than the supervisor's patience
        "keepalive": 5,  # longer than the panel's polling
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108 - signs of life need no disk
        "control_socket_disable": True,  # it would lie in the home directory
        "forwarded_allow_ips": "",
        "secure_scheme_headers": FORWARDED,
        "loglevel": "warning",
        "post_worker_init": _greet,
    }


def _greet(worker: Worker) -> None:
    """By the first process alone, when it is about to answer."""
    if worker.age == 1:
        for line in greeting.lines():
            print(line, flush=True)  # noqa: T201 - the console is where it belongs
        connection.close()
