"""`manage.py requeue_failed`: requeues failed jobs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from albums.models import Album
from processing.management import SETTINGS_ONLY
from processing.models import JobQuerySet, ProcessingJob
from processing.uploads import batches


class Command(BaseCommand):
    requires_system_checks = SETTINGS_ONLY
    help = "Retry failed jobs with all attempts: all of them, or those that match every given option."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--album", type=int, metavar="ID", help="only jobs of this album")
        parser.add_argument("--job", type=int, action="append", metavar="ID", help="only this job; repeatable")
        parser.add_argument("--code", help="only jobs that failed with this error code, such as timeout")
        parser.add_argument("--dry-run", action="store_true", help="list the jobs, but change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        failed = _selected(options)
        if options["dry_run"]:
            for job in failed.order_by("pk").iterator():
                self.stdout.write(f"{job.pk}: {job.original_filename} ({job.error_code})")
            count = failed.count()
            self.stdout.write(f"{count} job{pluralize(count)} would be retried.")
        else:
            count = batches.requeue(failed, by="requeue_failed")
            self.stdout.write(f"{count} job{pluralize(count)} retried.")


def _selected(options: dict[str, Any]) -> JobQuerySet:
    failed = ProcessingJob.objects.failed()
    if options["album"] is not None:
        if not Album.objects.filter(pk=options["album"]).exists():
            raise CommandError(f"No album {options['album']} exists.")
        failed = failed.filter(album=options["album"])
    if options["job"]:
        failed = failed.filter(pk__in=options["job"])
        if unknown := set(options["job"]) - set(failed.values_list("pk", flat=True)):
            raise CommandError(f"No failed jobs with these IDs: {', '.join(map(str, sorted(unknown)))}.")
    if options["code"]:
        failed = failed.filter(error_code=options["code"])
    return failed
