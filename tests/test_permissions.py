"""What each permission allows on another user's album (docs/permissions.md), for every URL that deletes something."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from albums.models import Album, Photo
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db
CHANGE, DELETE_ALBUM, DELETE_PHOTO = "change_album", "delete_album", "delete_photo"
ALBUM_ONLY, ALBUM_OR_PHOTO = {DELETE_ALBUM}, {DELETE_ALBUM, DELETE_PHOTO}
DESTRUCTIVE = {
    "albums:delete": ALBUM_ONLY,
    "albums:delete-permanently": ALBUM_ONLY,
    "albums:empty-trash": ALBUM_OR_PHOTO,
    "albums:delete-photo": ALBUM_OR_PHOTO,
    "albums:delete-for-ever": ALBUM_OR_PHOTO,
    "processing:clear": ALBUM_OR_PHOTO,
    "processing:cancel": ALBUM_OR_PHOTO,
    "processing:cancel-batch": ALBUM_OR_PHOTO,
    "processing:delete-batch": ALBUM_OR_PHOTO,
    "processing:dismiss-failures": ALBUM_OR_PHOTO,
    "processing:reclaim": ALBUM_OR_PHOTO,
}
"""For each URL, the permissions; one of them is needed in addition to that to change albums."""
HARMLESS = ["albums:restore", "albums:put-all-back", "albums:put-back", "processing:retry", "processing:retry-batch"]


def client_with(*codenames: str) -> Client:
    user = User.objects.create_user("keeper", password="a fine password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def photo(album) -> Photo:
    """A photo. Its album also has a photo in the trash, a failed job and a waiting job."""
    making.job_in(album, JobState.FAILED)
    photos = [making.photo(album, making.job_in(album, JobState.COMPLETED)) for _ in range(2)]
    for photo in photos:
        photo.save()
    album.photos.filter(pk=photos[1].pk).update(trashed_at="2026-01-01T00:00Z")
    making.job_in(album, JobState.PENDING)
    return photos[0]


def address(name: str, photo: Photo) -> str:
    if name in ("processing:dismiss-failures", "processing:reclaim"):
        return reverse(name)
    if name in ("albums:delete-photo",):
        return reverse(name, args=[photo.pk])
    if name in ("albums:delete-for-ever", "albums:put-back"):
        return reverse(name, args=[photo.album.photos.trashed().get().pk])
    if name.endswith("-batch"):
        state = JobState.PENDING if name == "processing:cancel-batch" else JobState.FAILED
        return reverse(name, args=[Batch.objects.filter(jobs__state=state).first().pk])
    if name in ("albums:delete-permanently", "albums:restore"):
        Album.objects.update(trashed_at="2026-01-01T00:00Z")
    return reverse(name, args=[photo.album_id])


def row_states() -> dict[str, list[object]]:
    """The state of all rows that could be deleted."""
    return {
        "albums": list(Album.objects.values_list("pk", "trashed_at")),
        "photos": list(Photo.objects.order_by("pk").values_list("pk", "trashed_at")),
        "batches": list(Batch.objects.order_by("pk").values_list("pk", "dismissed_at")),
        "jobs": list(ProcessingJob.objects.order_by("pk").values_list("pk", "state")),
        "uploads": list(Upload.objects.order_by("pk").values_list("pk", "state")),
    }


DATA = {"pick": "all", "confirmed": "yes"}


@pytest.mark.parametrize("name", DESTRUCTIVE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_user_who_may_only_change_albums_cannot_delete_content_of_others(photo, data_dir, name, method):
    client, url = (
        client_with(CHANGE, "change_photo", "change_processingjob", "view_album"),
        address(name, photo),
    )
    rows_before, files_before = row_states(), sorted(data_dir.rglob("*"))

    response = getattr(client, method)(url, DATA)

    if method == "post" or response.status_code != 405:
        assert response.status_code == 403
        assert b"your account cannot delete it." in response.content
    assert (row_states(), sorted(data_dir.rglob("*"))) == (rows_before, files_before)


@pytest.mark.parametrize("name", DESTRUCTIVE)
@pytest.mark.parametrize("codename", [DELETE_ALBUM, DELETE_PHOTO])
def test_a_matching_delete_permission_allows_the_deletion(photo, name, codename):
    response = client_with(CHANGE, codename).post(address(name, photo), DATA)

    assert response.status_code == (302 if codename in DESTRUCTIVE[name] else 403)


@pytest.mark.parametrize("name", DESTRUCTIVE)
def test_without_the_permission_to_change_albums_the_album_does_not_exist(photo, name):
    url = address(name, photo)
    rows_before = row_states()

    response = client_with(DELETE_ALBUM, DELETE_PHOTO).post(url, DATA)

    assert response.status_code in (302, 404)  # the failure page has none to dismiss
    assert row_states() == rows_before


@pytest.mark.parametrize("name", HARMLESS)
def test_a_user_who_may_change_albums_can_restore_and_retry(photo, name):
    assert client_with(CHANGE).post(address(name, photo)).status_code == 302


def test_pages_offer_no_action_that_would_be_rejected(photo):
    client = client_with(CHANGE)
    batch = Batch.objects.first()

    for path in (
        f"/albums/{photo.album_id}/",
        f"/photos/{photo.pk}/",
        f"/albums/{photo.album_id}/trash/",
        f"/batches/{batch.pk}/",
    ):
        text = client.get(path).content.decode()
        assert "Delete" not in text, path
        assert 'id="cancel-rest"' not in text, path
        assert 'id="dismiss-report"' not in text, path


def test_a_user_can_cancel_and_delete_their_own_batch_in_anothers_album(photo):
    ProcessingJob.objects.update(state=JobState.COMPLETED)
    client = client_with(CHANGE)
    own_job = making.job_in(photo.album, JobState.PENDING)
    Batch.objects.filter(pk=own_job.batch_id).update(opened_by=User.objects.get(username="keeper"))

    assert client.post(f"/albums/{photo.album_id}/uploads/cancel/").status_code == 302

    own_job.refresh_from_db()
    assert own_job.state == JobState.CANCELLED
    assert client.post(f"/batches/{own_job.batch_id}/delete/").status_code == 302
    assert not Batch.objects.filter(pk=own_job.batch_id).exists()


def test_dismissing_all_failures_dismisses_only_the_users_own(photo):
    client = client_with(CHANGE)
    album = Album.objects.create(title="Mine", owner=User.objects.get(username="keeper"))
    jobs.cancel(ProcessingJob.objects.get(state=JobState.PENDING))  # otherwise this job would be the next to fail
    own_job = making.job_in(album, JobState.FAILED)

    text = client.post("/failures/dismiss/", DATA, follow=True).content.decode()

    own_job.refresh_from_db()
    assert own_job.state == JobState.CANCELLED
    assert ProcessingJob.objects.failed().count() == 1
    assert "1 file belongs to other users and your account cannot delete them." in text


@pytest.mark.parametrize("action", ["cancel", "dismiss"])
def test_admin_actions_delete_no_raw_files_of_others_without_permission(photo, action):
    client = client_with(CHANGE, "change_processingjob", "view_processingjob")
    rows_before = row_states()
    selected = [str(pk) for pk in ProcessingJob.objects.values_list("pk", flat=True)]

    client.post("/admin/processing/processingjob/", {"action": action, "_selected_action": selected, "post": "yes"})

    assert row_states() == rows_before


def test_the_admin_does_not_let_a_user_take_over_an_album_or_photo(photo, owner):
    client = client_with(CHANGE, "change_photo")
    user = User.objects.get(username="keeper")
    own_album = Album.objects.create(title="Mine", owner=user)

    client.post(f"/admin/albums/album/{photo.album_id}/change/", {"title": "Summer", "owner": user.pk})
    page = client.get(f"/admin/albums/photo/{photo.pk}/change/").content.decode()
    client.post(f"/admin/albums/photo/{photo.pk}/change/", {"album": own_album.pk, "position": 1, "keywords": "[]"})

    assert Album.objects.get(pk=photo.album_id).owner == owner
    assert 'name="album"' not in page
    photo.refresh_from_db()
    assert photo.album_id != own_album.pk
