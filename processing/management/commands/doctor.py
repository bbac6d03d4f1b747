"""What stands between a photo and its place."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat

from processing.doctor import check_result, limits, measurements, site_url
from processing.doctor.check_result import Diagnosis, State
from processing.doctor.http_probe import NoSite
from processing.doctor.run import Examination, examine

MARKS = {State.GOOD: "ok  ", State.WARNING: "warn", State.BAD: "BAD "}


class Command(BaseCommand):
    help = (
        "Measure, through the real front door, what uploads meet: the largest request, time-outs, buffering, headers, "
        "encryption; and look at disk, memory, worker, queue, codecs, database and clocks. Takes half a minute. Exits with 0 "
        "when nothing is bad."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="the address to measure; without it PUBLIC_URL, or where the server listens")
        parser.add_argument("--json", action="store_true", help="as one JSON object, for other programs")
        parser.add_argument(
            "--set",
            action="store_true",
            help="keep the result: the limits page shows it, and uploads go in parts that pass",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = examine(options["url"] or site_url.own())
        except NoSite as error:
            raise CommandError(f"{error} is no address of a site. Write it as https://photos.example.org.") from None
        if options["set"]:
            measurements.keep(found)
        self.stdout.write(json.dumps(_as_json(found)) if options["json"] else "\n".join(_in_words(found)))
        if found.is_bad:
            sys.exit(1)


def _as_json(found: Examination) -> dict[str, Any]:
    return {
        "address": found.address,
        "largest_body": found.largest.bytes if found.largest else None,
        "chunk_bytes": _chunk_bytes(),
        "findings": check_result.as_json(found.diagnoses),
    }


def _in_words(found: Examination) -> list[str]:
    lines = [f"Measured through {found.address}"]
    for each in found.diagnoses:
        lines += _told(each)
    return [*lines, f"Uploads go in parts of {filesizeformat(_chunk_bytes())}."]


def _chunk_bytes() -> int:
    """A database that is away has been told already."""
    try:
        return measurements.chunk_bytes()
    except DatabaseError:
        return limits.PREFERRED


def _told(found: Diagnosis) -> list[str]:
    line = f"{MARKS[found.state]}  {found.title}: {found.words} ({found.code})"
    return [line, f"      {found.remedy}"] if found.remedy else [line]
