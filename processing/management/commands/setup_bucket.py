"""`manage.py setup_bucket`: sets the bucket's CORS and lifecycle rules."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from processing.management import SETTINGS_ONLY
from processing.storage.s3 import config as s3_config
from processing.storage.storage_errors import StorageError


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = (
        "Set the S3 bucket's rules: allow uploads from this site's pages (CORS), and delete incomplete multipart uploads "
        "(lifecycle). Other rules are kept. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--create", action="store_true", help="create the bucket if it doesn't exist")
        parser.add_argument(
            "--origin",
            action="append",
            metavar="URL",
            help="the site's address, such as https://photos.example.org; repeatable (default: PUBLIC_URL)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = s3_config.current()
        origins = options["origin"] or ([settings.PUBLIC_URL] if settings.PUBLIC_URL else [])
        if connection is None:
            raise CommandError("No bucket is configured. Set S3_BUCKET and the other S3 settings.")
        if not origins:
            raise CommandError("The site's address is unknown. Set PUBLIC_URL, or use --origin.")
        from processing.storage.s3 import bucket_setup  # imports boto3, which is needed only with a bucket

        try:
            if options["create"] and bucket_setup.create(connection):
                self.stdout.write(f"Created the bucket {connection.bucket}.")
            outcomes = list(bucket_setup.set_up(connection, origins))
        except StorageError as error:
            raise CommandError(str(error)) from error
        for outcome in outcomes:
            self.stdout.write(outcome.message)
        if not all(outcome.is_good or outcome.is_warning for outcome in outcomes):
            sys.exit(1)
