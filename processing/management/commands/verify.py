"""`manage.py verify`: compares rows with files."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.template.defaultfilters import filesizeformat, pluralize

from processing.integrity import consistency, findings
from processing.integrity.consistency import Findings
from processing.integrity.repair import repair
from processing.management import SETTINGS_ONLY
from processing.storage.storage_errors import StorageError

INTERRUPTED = 130
"""The exit status after Ctrl-C, as in shells: 128 plus the signal's number."""


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Compare database and stored files, including checksums. Exits with 0 only if everything matches. Safe while the server "
        "runs, and to interrupt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="restore originals from other copies, make damaged renditions again, and move unknown files to "
            "DATA_DIR/quarantine/; deletes nothing. Exits with 0 if no problem remains",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--progress", action="store_true", help="show progress even if stderr is not a terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        meter = (
            _ProgressMeter(self.stderr, consistency.total_bytes())
            if options["progress"] or self.stderr.isatty()
            else None
        )
        try:
            result = consistency.verify(meter.add) if meter else consistency.verify()
            if meter:
                meter.end()
            if options["repair"]:
                # Before the repair: a repaired file has to be read back before it counts as verified again.
                findings.settle(result.problems)
                result = repair(result, say=(self.stderr if options["json"] else self.stdout).write)
        except StorageError as error:
            raise CommandError(f"Not all files could be checked. {error}") from error
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Finished repairs are complete. Run the command again at any time.")
            sys.exit(INTERRUPTED)
        findings.settle(result.problems)
        self.stdout.write(json.dumps(result.as_json()) if options["json"] else _as_text(result))
        if not result.is_clean:
            sys.exit(1)


class _ProgressMeter:
    """Writes progress: one line that is overwritten on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, out: OutputWrapper, total: int) -> None:
        self._out, self._total, self._read = out, total, 0
        self._is_terminal = out.isatty()
        self._interval_seconds = 0.2 if self._is_terminal else 10.0
        self._written_at = float("-inf")

    def add(self, count: int) -> None:
        self._read += count
        if time.monotonic() - self._written_at >= self._interval_seconds:
            self._write()

    def end(self) -> None:
        """Writes the last line. It is below 100 % if files are missing, since they were not read."""
        self._write()
        if self._is_terminal:
            self._out.write("")

    def _write(self) -> None:
        self._written_at = time.monotonic()
        percent = 100 * self._read // self._total if self._total else 100
        line = f"Read {filesizeformat(self._read)} of {filesizeformat(self._total)} ({percent}%)"
        self._out.write(f"\r{line}\x1b[K" if self._is_terminal else line, ending="" if self._is_terminal else "\n")
        self._out.flush()


def _as_text(result: Findings) -> str:
    lines = [f"{name}: {key}" for name in ("missing", "corrupt", "orphans") for key in getattr(result, name)]
    agreement = "database and files match" if result.is_clean else "database and files don't match"
    photos = f"{result.photos} photo{pluralize(result.photos)}"
    return "\n".join([*(line.replace("orphans:", "orphan:") for line in lines), f"{photos}: {agreement}."])
