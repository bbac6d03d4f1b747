"""Rows against files."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from processing.repair import repair
from processing.verify import Findings, verify


class Command(BaseCommand):
    help = (
        "Compare every row with its file, checksums included, and every file with its row. Exits with 0 only when all agree. "
        "Safe while the server runs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="make bad renditions again from their originals, and move files that no row knows to DATA_DIR/quarantine/; "
            "nothing is deleted. Exits with 0 when nothing bad remains",
        )
        parser.add_argument("--json", action="store_true", help="as one JSON object, for other programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify()
        if options["repair"]:
            found = repair(found, say=(self.stderr if options["json"] else self.stdout).write)
        self.stdout.write(json.dumps(found.as_json()) if options["json"] else _in_words(found))
        if not found.is_clean:
            sys.exit(1)


def _in_words(found: Findings) -> str:
    lines = [f"{name}: {key}" for name in ("missing", "corrupt", "orphans") for key in getattr(found, name)]
    agreement = "rows and files agree" if found.is_clean else "rows and files do not agree"
    return "\n".join([*(line.replace("orphans:", "orphan:") for line in lines), f"{found.photos} photos: {agreement}."])
