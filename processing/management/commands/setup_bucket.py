"""`manage.py setup_bucket`: sets the bucket's CORS and lifecycle rules."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from processing.management import SETTINGS_ONLY
from processing.storage.s3 import config as s3_config
from processing.storage.storage_errors import StorageTrouble


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Let this site's pages send photos straight to the S3 bucket, and have it clear away parts that nobody completes. Rules "
        "of others stay. Repeating is harmless."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--create", action="store_true", help="make the bucket first, if it is not there")
        parser.add_argument(
            "--origin",
            action="append",
            metavar="URL",
            help="an address of the site, as https://photos.example.org; may be given several times (PUBLIC_URL unless told)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = s3_config.current()
        origins = options["origin"] or ([settings.PUBLIC_URL] if settings.PUBLIC_URL else [])
        if connection is None:
            raise CommandError("No bucket is set up. Set S3_BUCKET and what goes with it.")
        if not origins:
            raise CommandError("Which site's pages may send to it? Set PUBLIC_URL, or give --origin.")
        from processing.storage.s3 import bucket_setup  # imports boto3, which is needed only with a bucket

        try:
            if options["create"] and bucket_setup.create(connection):
                self.stdout.write(f"Created the bucket {connection.bucket}.")
            outcomes = list(bucket_setup.set_up(connection, origins))
        except StorageTrouble as trouble:
            raise CommandError(str(trouble)) from trouble
        for outcome in outcomes:
            self.stdout.write(outcome.words)
        if not all(outcome.is_good or outcome.is_warning for outcome in outcomes):
            sys.exit(1)
