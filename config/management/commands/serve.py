"""Runs the production web server."""

import os
import sys
import tempfile
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.server import startup
from config.server.connections import file_descriptors
from processing.doctor import site_url
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    help = "Run the web server on HOST:PORT, with WEB_PROCESSES processes of WEB_THREADS threads (see docs/configuration.md)."
    requires_system_checks = SETTINGS_ONLY

    def handle(self, *args: Any, **options: Any) -> None:
        """Executes gunicorn in place of this process, to free the memory of the loaded modules."""
        if not settings.DEBUG:
            _collect_missing()
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            "python:config.server.gunicorn",
            "--chdir",
            str(settings.BASE_DIR),
        ]
        bind = f"{site_url.in_brackets(settings.HOST)}:{settings.PORT}"
        size = ["--workers", str(settings.WEB_PROCESSES), "--threads", str(settings.WEB_THREADS)]
        file_descriptors.raise_limit()
        if settings.WEB_PROCESSES > 1:
            # Their processes count requests in files here, for /metrics. Gunicorn's on_exit() deletes it.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="darkroom-metrics-")
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [*gunicorn, "--bind", bind, *size, "config.wsgi"])  # noqa: S606 - no argument comes from users


def _collect_missing() -> None:
    try:
        startup.collect_missing()
    except OSError as error:
        raise CommandError(
            f"Can't write the static files to {settings.STATIC_ROOT}: {error.strerror}. "
            "Run `manage.py collectstatic --noinput` as a user with write access, then start the server again."
        ) from error
