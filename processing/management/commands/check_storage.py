"""`manage.py check_storage`: tests every operation that Darkroom needs of the bucket."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from processing.management import SETTINGS_ONLY
from processing.storage.s3 import config as s3_config


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Test the S3 bucket with an object of its own: write, read, list, copy, link, upload in parts and delete it. Exits with "
        "0 if everything required works."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = s3_config.current()
        if connection is None:
            self.stdout.write(
                "{}" if options["json"] else "No bucket is configured; photos are stored on the disk. Set S3_BUCKET."
            )
            return
        from processing.storage.s3.selfcheck import probe  # imports boto3, which is needed only with a bucket

        outcomes = []
        for outcome in probe(connection, Path(settings.DATA_DIR), settings.PUBLIC_URL):
            outcomes.append(outcome)
            if not options["json"]:
                mark = "ok" if outcome.is_good else "WARNING" if outcome.is_warning else "FAILED"
                self.stdout.write(f"{outcome.step}: {mark}. {outcome.message}")
        if options["json"]:
            self.stdout.write(json.dumps({"steps": [asdict(outcome) for outcome in outcomes]}))
        if not all(outcome.is_good or outcome.is_warning for outcome in outcomes):
            sys.exit(1)
