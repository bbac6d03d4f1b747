"""The Django admin shows rows, and offers the state transitions that a user may trigger."""

import re
from datetime import UTC, datetime

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

OUR_MODELS = [model for model in site.site._registry if model._meta.app_label in ("albums", "processing")]


@pytest.fixture
def staff(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def viewer() -> Client:
    """A client of a user who may view jobs, but not change them."""
    user = User.objects.create_user("looker", password="a fine password", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_processingjob"))
    client = Client()
    client.force_login(user)
    return client


JOBS = "/admin/processing/processingjob/"


def confirmation_fields(
    client: Client, action: str, *selected: ProcessingJob, query: str = "", **extra_fields: str
) -> dict[str, list[str]]:
    """The hidden fields of the confirmation page, and under `words` its text."""
    data = {"action": action, "_selected_action": [job.pk for job in selected], **extra_fields}
    page = client.post(JOBS + query, data).content.decode()
    form = page.split('<form method="post">')[1].split("</form>")[0]
    fields: dict[str, list[str]] = {"words": [" ".join(re.sub("<[^>]+>", " ", page).split())]}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return fields


def run(client: Client, action: str, *selected: ProcessingJob, **extra_fields: object):
    url = reverse("admin:processing_processingjob_changelist")
    data = {"action": action, "_selected_action": [job.pk for job in selected], **extra_fields}
    response = client.post(url, data, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_every_model_is_registered():
    names = {model.__name__ for model in OUR_MODELS}
    assert names == {
        *("Album", "Photo", "Leftover"),
        *("Batch", "Upload", "ProcessingJob", "JobEvent", "Finding", "Measurement", "WorkerPulse"),
    }


@pytest.mark.parametrize("model", ["mfa/authenticator", "socialaccount/socialaccount", "usersessions/usersession"])
def test_models_with_secrets_of_accounts_are_not_registered(staff, model):
    assert staff.get(f"/admin/{model}/").status_code == 404


@pytest.mark.parametrize("model", OUR_MODELS, ids=lambda model: model.__name__)
def test_lists_and_searches_of_every_model_open(staff, album, model):
    making.job_in(album, JobState.FAILED)
    Leftover.note(["originals/00/x.jpg"])
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    assert staff.get(url).status_code == 200
    if site.site._registry[model].search_fields:
        assert staff.get(url, {"q": "photo"}).status_code == 200


@pytest.mark.parametrize("query", ["state=failed", "error_code=broken", "age=day", "album__id__exact=1", "q=photo.jpg"])
def test_the_job_list_can_be_filtered(staff, album, query):
    making.job_in(album, JobState.FAILED)

    assert staff.get(reverse("admin:processing_processingjob_changelist") + "?" + query).status_code == 200


def test_the_page_of_a_job_shows_its_timeline(staff, album):
    job = making.job_in(album, JobState.FAILED)

    page = staff.get(reverse("admin:processing_processingjob_change", args=[job.pk])).content.decode()

    for text in ("Created", "Started", "Failed", "The file is damaged."):
        assert text in page


def test_the_timeline_of_a_job_has_milliseconds(staff, album):
    job = making.job_in(album, JobState.FAILED)
    job.events.update(at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))

    page = staff.get(reverse("admin:processing_processingjob_change", args=[job.pk])).content.decode()

    assert "04:05.678<" in page


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        (JobState.FAILED, ["requeue", "dismiss"]),
        (JobState.PENDING, ["cancel"]),
        (JobState.PROCESSING, ["cancel"]),
        (JobState.COMPLETED, []),
        (JobState.CANCELLED, []),
    ],
)
def test_the_page_of_a_job_offers_the_actions_that_its_state_allows(staff, album, state, actions):
    job = making.job_in(album, state)

    page = staff.get(reverse("admin:processing_processingjob_change", args=[job.pk])).content.decode()

    assert re.findall(r'name="action" value="(\w+)"', page) == actions


def test_the_page_of_a_job_offers_no_actions_with_view_permission_only(viewer, album):
    job = making.job_in(album, JobState.FAILED)

    page = viewer.get(reverse("admin:processing_processingjob_change", args=[job.pk]))

    assert (page.status_code, b'name="action"' in page.content) == (200, False)


def test_the_filter_by_code_has_a_label_for_jobs_without_one(staff, album):
    making.job_in(album, JobState.COMPLETED)
    making.job_in(album, JobState.FAILED)

    page = staff.get(JOBS).content.decode()

    assert re.findall(r'<a href="\?error_code=">([^<]*)</a>', page) == ["None"]


def test_the_state_of_a_job_cannot_be_edited(staff, album):
    job = making.job_in(album, JobState.FAILED)
    url = reverse("admin:processing_processingjob_change", args=[job.pk])

    assert staff.post(url, {"state": "completed"}).status_code == 403
    assert b'name="state"' not in staff.get(url).content


@pytest.mark.parametrize("model", [m for m in OUR_MODELS if m is not Album], ids=lambda model: model.__name__)
def test_rows_cannot_be_added(staff, model):
    assert staff.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")).status_code == 403


def test_failed_jobs_are_requeued(staff, album):
    job = making.job_in(album, JobState.FAILED)

    assert run(staff, "requeue", job) == ["1 job retried."]
    assert ProcessingJob.objects.get().state == JobState.PENDING


def test_waiting_jobs_are_cancelled_and_others_are_reported_as_skipped(staff, album, owner):
    failed = making.job_in(album, JobState.FAILED)
    waiting = making.received(Album.objects.create(title="Winter", owner=owner))

    assert run(staff, "cancel", failed, waiting, post="yes") == ["1 job cancelled. Skipped 1: not queued or running."]
    assert ProcessingJob.objects.get(pk=failed.pk).state == JobState.FAILED


def test_failed_jobs_are_dismissed(staff, album):
    job = making.job_in(album, JobState.FAILED)

    assert run(staff, "dismiss", job, post="yes") == ["1 job dismissed."]
    assert ProcessingJob.objects.get().state == JobState.CANCELLED


@pytest.mark.parametrize(("action", "state"), [("dismiss", JobState.FAILED), ("cancel", JobState.PENDING)])
def test_a_page_asks_before_raw_files_are_deleted_and_says_how_many(staff, album, data_dir, action, state):
    completed_job = making.job_in(album, JobState.COMPLETED)
    job = making.job_in(album, state)
    Upload.objects.filter(pk=job.upload_id).update(size=3 << 20)

    form = confirmation_fields(staff, action, job, completed_job)

    assert "1 uploaded file (3.0 MB) will be deleted." in form["words"][0]
    assert job.original_filename in form["words"][0]
    assert (ProcessingJob.objects.get(pk=job.pk).state, (data_dir / job.raw_path).exists()) == (state, True)
    del form["words"]
    assert staff.post(JOBS, form).status_code == 302
    assert ProcessingJob.objects.get(pk=job.pk).state == JobState.CANCELLED


def test_an_action_without_suitable_jobs_offers_no_confirmation(staff, album):
    job = making.job_in(album, JobState.COMPLETED)

    text = confirmation_fields(staff, "dismiss", job)["words"][0]

    assert "The selected job can\u2019t be dismissed." in text


def test_select_across_excludes_jobs_that_failed_after_the_question(staff, album, owner):
    selected_job = making.job_in(album, JobState.FAILED)
    making.job_in(album, JobState.FAILED)
    other_job = making.job_in(Album.objects.create(title="Winter", owner=owner), JobState.FAILED)

    form = confirmation_fields(staff, "dismiss", selected_job, query=f"?album__id__exact={album.pk}", select_across="1")
    late_job = making.job_in(album, JobState.FAILED)
    del form["words"]
    staff.post(f"{JOBS}?album__id__exact={album.pk}", form)

    assert "2 uploaded files" in confirmation_fields(staff, "dismiss", other_job, late_job)["words"][0]
    assert set(ProcessingJob.objects.failed()) == {other_job, late_job}


def test_a_user_with_view_permission_only_is_offered_no_actions(viewer, album):
    making.job_in(album, JobState.FAILED)

    page = viewer.get(reverse("admin:processing_processingjob_changelist"))

    assert (page.status_code, b'value="requeue"' in page.content) == (200, False)


def test_deleting_an_album_in_the_admin_deletes_its_jobs_and_files(
    staff, album, data_dir, django_capture_on_commit_callbacks
):
    making.received(album)
    jobs.claim_next("tester")

    with django_capture_on_commit_callbacks(execute=True):
        staff.post(reverse("admin:albums_album_delete", args=[album.pk]), {"post": "yes"})

    assert (Album.objects.count(), ProcessingJob.objects.count()) == (0, 0)
    assert list((data_dir / "incoming").iterdir()) == []


def test_a_new_owner_in_the_admin_gets_the_albums_inside_an_album(staff, album, owner, stranger):
    italy = Album.objects.create(title="Italy", owner=owner, parent=album)
    rome = Album.objects.create(title="Rome", owner=owner, parent=italy)

    staff.post(f"/admin/albums/album/{italy.pk}/change/", {"title": "Italy", "description": "", "owner": stranger.pk})

    assert list(Album.objects.filter(owner=stranger).order_by("pk")) == [italy, rome]
    assert list(Album.objects.filter(owner=stranger).values_list("parent", "path")) == [
        (italy.pk, f"/{italy.pk}/{rome.pk}/"),
        (None, f"/{italy.pk}/"),
    ]
