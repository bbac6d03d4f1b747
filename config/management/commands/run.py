"""Web and worker together, on one machine."""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.server import startup
from config.server.connections import file_descriptors


class Command(BaseCommand):
    help = (
        "Prepare the installation, then run web and worker side by side. What dies is started again; Ctrl-C ends both."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        _check_port()
        startup.prepare()
        self.stdout.flush()
        here = str(Path.cwd())
        file_descriptors.raise_limit()
        os.chdir(settings.BASE_DIR)  # where -m finds it
        os.execv(sys.executable, [sys.executable, "-m", "config.server.supervisor", here])  # noqa: S606


def _check_port() -> None:
    """Said once and clearly here; the web server would say it again and again."""
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            where = f"port {settings.PORT} of {settings.HOST}"
            raise CommandError(f"Cannot answer on {where}: {error.strerror}. Set PORT or HOST.") from error
