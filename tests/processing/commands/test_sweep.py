"""manage.py sweep."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from processing.models import ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from tests.processing import making

pytestmark = pytest.mark.django_db


def run() -> str:
    out = StringIO()
    call_command("sweep", stdout=out)
    return out.getvalue()


def test_lost_jobs_and_expired_uploads_are_recovered_and_counted(album):
    job = making.job_in(album, JobState.PROCESSING)
    upload = making.upload(album, batch=job.batch)
    past = timezone.now() - timedelta(seconds=1)
    ProcessingJob.objects.filter(pk=job.pk).update(lease_until=past)
    Upload.objects.filter(pk=upload.pk).update(expires_at=past)

    out = run()

    assert out.startswith("uploads completed: 0, jobs recovered: 1, uploads expired: 1")
    assert ProcessingJob.objects.get(pk=job.pk).state == JobState.PENDING
    assert Upload.objects.get(pk=upload.pk).state == UploadState.EXPIRED


def test_a_sweep_with_nothing_to_do_is_no_error(db):
    assert run().startswith("uploads completed: 0, jobs recovered: 0, uploads expired: 0")


def test_the_help_describes_the_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        call_command("sweep", "--help")

    assert "Workers do the same once a minute" in " ".join(capsys.readouterr().out.split())
