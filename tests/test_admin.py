"""Django admin is for looking, and for the moves a person may make."""

import re

import pytest
from django.contrib import admin as site
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from albums.models import Album, Leftover
from processing import jobs
from processing.models import ProcessingJob, Upload
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db

OURS = [model for model in site.site._registry if model._meta.app_label in ("albums", "processing")]


@pytest.fixture
def staff(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


JOBS = "/admin/processing/processingjob/"


def asked(client: Client, action: str, *chosen: ProcessingJob, query: str = "", **more: str) -> dict[str, list[str]]:
    """The fields of the form on the page that asks whether that is meant."""
    data = {"action": action, "_selected_action": [job.pk for job in chosen], **more}
    page = client.post(JOBS + query, data).content.decode()
    form = page.split('<form method="post">')[1].split("</form>")[0]
    fields: dict[str, list[str]] = {"words": [" ".join(re.sub("<[^>]+>", " ", page).split())]}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return fields


def run(client: Client, action: str, *chosen: ProcessingJob, **more: object):
    url = reverse("admin:processing_processingjob_changelist")
    data = {"action": action, "_selected_action": [job.pk for job in chosen], **more}
    response = client.post(url, data, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_every_model_is_there():
    names = {model.__name__ for model in OURS}
    assert names == {
        *("Album", "Photo", "Leftover"),
        *("Batch", "Upload", "ProcessingJob", "JobEvent", "Finding", "Measurement", "WorkerPulse"),
    }


@pytest.mark.parametrize("model", ["mfa/authenticator", "socialaccount/socialaccount", "usersessions/usersession"])
def test_secrets_of_accounts_are_not_there(staff, model):
    assert staff.get(f"/admin/{model}/").status_code == 404


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_and_searches_open(staff, album, model):
    making.job_in(album, JobState.FAILED)
    Leftover.note(["originals/00/x.jpg"])
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    assert staff.get(url).status_code == 200
    if site.site._registry[model].search_fields:
        assert staff.get(url, {"q": "photo"}).status_code == 200


@pytest.mark.parametrize("query", ["state=failed", "error_code=broken", "age=day", "album__id__exact=1", "q=photo.jpg"])
def test_jobs_are_filtered(staff, album, query):
    making.job_in(album, JobState.FAILED)

    assert staff.get(reverse("admin:processing_processingjob_changelist") + "?" + query).status_code == 200


def test_a_jobs_timeline_is_told_on_its_page(staff, album):
    job = making.job_in(album, JobState.FAILED)

    page = staff.get(reverse("admin:processing_processingjob_change", args=[job.pk])).content.decode()

    for told in ("Created", "Started", "Failed", "The file is damaged."):
        assert told in page


def test_a_state_cannot_be_edited_by_hand(staff, album):
    job = making.job_in(album, JobState.FAILED)
    url = reverse("admin:processing_processingjob_change", args=[job.pk])

    assert staff.post(url, {"state": "completed"}).status_code == 403
    assert b'name="state"' not in staff.get(url).content


@pytest.mark.parametrize("model", [m for m in OURS if m is not Album], ids=lambda model: model.__name__)
def test_nothing_is_added_by_hand(staff, model):
    assert staff.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")).status_code == 403


def test_failed_jobs_are_requeued(staff, album):
    job = making.job_in(album, JobState.FAILED)

    assert run(staff, "requeue", job) == ["1 job retried."]
    assert ProcessingJob.objects.get().state == JobState.PENDING


def test_waiting_jobs_are_cancelled_and_others_are_said_not_to_fit(staff, album, owner):
    failed = making.job_in(album, JobState.FAILED)
    waiting = making.received(Album.objects.create(title="Winter", owner=owner))

    assert run(staff, "cancel", failed, waiting, post="yes") == ["1 job cancelled. Skipped 1: not queued or running."]
    assert ProcessingJob.objects.get(pk=failed.pk).state == JobState.FAILED


def test_failed_jobs_are_dismissed(staff, album):
    job = making.job_in(album, JobState.FAILED)

    assert run(staff, "dismiss", job, post="yes") == ["1 job dismissed."]
    assert ProcessingJob.objects.get().state == JobState.CANCELLED


@pytest.mark.parametrize(("action", "state"), [("dismiss", JobState.FAILED), ("cancel", JobState.PENDING)])
def test_before_raw_files_are_deleted_a_page_asks_and_says_how_many(staff, album, data_dir, action, state):
    other = making.job_in(album, JobState.COMPLETED)
    job = making.job_in(album, state)
    Upload.objects.filter(pk=job.upload_id).update(size=3 << 20)

    form = asked(staff, action, job, other)

    assert "1 uploaded file (3.0 MB) will be deleted." in form["words"][0]
    assert job.original_filename in form["words"][0]
    assert (ProcessingJob.objects.get(pk=job.pk).state, (data_dir / job.raw_path).exists()) == (state, True)
    del form["words"]
    assert staff.post(JOBS, form).status_code == 302
    assert ProcessingJob.objects.get(pk=job.pk).state == JobState.CANCELLED


def test_of_jobs_that_do_not_fit_nothing_can_be_confirmed(staff, album):
    job = making.job_in(album, JobState.COMPLETED)

    words = asked(staff, "dismiss", job)["words"][0]

    assert "The selected job can\u2019t be dismissed." in words


def test_all_that_match_are_meant_but_none_that_failed_after_the_question(staff, album, owner):
    first = making.job_in(album, JobState.FAILED)
    making.job_in(album, JobState.FAILED)
    other = making.job_in(Album.objects.create(title="Winter", owner=owner), JobState.FAILED)

    form = asked(staff, "dismiss", first, query=f"?album__id__exact={album.pk}", select_across="1")
    late = making.job_in(album, JobState.FAILED)
    del form["words"]
    staff.post(f"{JOBS}?album__id__exact={album.pk}", form)

    assert "2 uploaded files" in asked(staff, "dismiss", other, late)["words"][0]
    assert set(ProcessingJob.objects.failed()) == {other, late}


def test_who_may_only_look_is_offered_no_moves(album):
    making.job_in(album, JobState.FAILED)
    looker = User.objects.create_user("looker", password="a fine password", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_processingjob"))
    client = Client()
    client.force_login(looker)

    page = client.get(reverse("admin:processing_processingjob_changelist"))

    assert (page.status_code, b'value="requeue"' in page.content) == (200, False)


def test_an_album_deleted_here_takes_its_jobs_and_files_along(
    staff, album, data_dir, django_capture_on_commit_callbacks
):
    making.received(album)
    jobs.claim_next("tester")

    with django_capture_on_commit_callbacks(execute=True):
        staff.post(reverse("admin:albums_album_delete", args=[album.pk]), {"post": "yes"})

    assert (Album.objects.count(), ProcessingJob.objects.count()) == (0, 0)
    assert list((data_dir / "incoming").iterdir()) == []
