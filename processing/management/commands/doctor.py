"""`manage.py doctor`: measures what limits uploads."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat

from processing.doctor import check_result, limits, measurements, site_url
from processing.doctor.check_result import CheckResult, CheckState
from processing.doctor.http_probe import NoSite
from processing.doctor.run import Examination, run
from processing.management import SETTINGS_ONLY

MARKS = {CheckState.GOOD: "ok  ", CheckState.WARNING: "warn", CheckState.BAD: "BAD "}


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Check the upload path through all proxies (request size, timeouts, buffering, headers, HTTPS), and the server itself "
        "(disk, memory, workers, queue, image decoders, database, clocks). Takes about 30 seconds. Exits with 0 if there is no "
        "problem."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="address to check (default: PUBLIC_URL, or where the server listens)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--set",
            action="store_true",
            help="save the result: the Diagnostics page shows it, and uploads use a chunk size that passes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = run(options["url"] or site_url.own())
        except NoSite as error:
            raise CommandError(f"{error} is not a site's address. Use the form https://photos.example.org.") from None
        if options["set"]:
            measurements.save(result)
        self.stdout.write(json.dumps(_as_json(result)) if options["json"] else "\n".join(_lines(result)))
        if result.is_bad:
            sys.exit(1)


def _as_json(result: Examination) -> dict[str, Any]:
    return {
        "address": result.address,
        "largest_body": result.largest.bytes if result.largest else None,
        "chunk_bytes": _chunk_bytes(),
        "findings": check_result.as_json(result.diagnoses),
    }


def _lines(result: Examination) -> list[str]:
    lines = [f"Checked {result.address}"]
    for diagnosis in result.diagnoses:
        lines += _diagnosis_lines(diagnosis)
    return [*lines, f"Chunk size: {filesizeformat(_chunk_bytes())}."]


def _chunk_bytes() -> int:
    """Returns the chunk size, or the default if the database is unavailable, which the diagnoses report."""
    try:
        return measurements.chunk_bytes()
    except DatabaseError:
        return limits.DEFAULT_CHUNK_BYTES


def _diagnosis_lines(diagnosis: CheckResult) -> list[str]:
    line = f"{MARKS[diagnosis.state]}  {diagnosis.title}: {diagnosis.message} ({diagnosis.code})"
    return [line, f"      {diagnosis.remedy}"] if diagnosis.remedy else [line]
