"""Runs web and worker together on one machine."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.server import startup
from config.server.connections import file_descriptors
from processing.management import SETTINGS_ONLY


class Command(BaseCommand):
    help = (
        "Prepare the installation, then run web server and worker, and restart them if they exit. Press Ctrl-C to stop."
    )
    requires_system_checks = SETTINGS_ONLY

    def handle(self, *args: Any, **options: Any) -> None:
        _check_port()
        startup.prepare()
        self.stdout.flush()
        working_directory = str(Path.cwd())
        file_descriptors.raise_limit()
        os.chdir(settings.BASE_DIR)  # so that -m finds the package
        os.execv(sys.executable, [sys.executable, "-m", "config.server.supervisor", working_directory])  # noqa: S606


def _check_port() -> None:
    """Raises CommandError if the port is not available: reported once here, instead of at each restart of the web server."""
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            address = f"port {settings.PORT} of {settings.HOST}"
            raise CommandError(f"Can't listen on {address}: {error.strerror}. Set PORT or HOST.") from error
