"""What each permission allows with another user's album: docs/permissions.md, held to every URL that deletes something."""

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
ALBUM, EMPTY = {DELETE_ALBUM}, {DELETE_ALBUM, DELETE_PHOTO}
DESTRUCTIVE = {
    "albums:delete": ALBUM,
    "albums:delete-permanently": ALBUM,
    "albums:empty-trash": EMPTY,
    "albums:delete-photo": EMPTY,
    "albums:delete-for-ever": EMPTY,
    "processing:clear": EMPTY,
    "processing:cancel": EMPTY,
    "processing:cancel-batch": EMPTY,
    "processing:delete-batch": EMPTY,
    "processing:dismiss-failures": EMPTY,
    "processing:reclaim": EMPTY,
}
"""By URL, the permissions of which one is needed, beside that to change albums."""
HARMLESS = ["albums:restore", "albums:put-all-back", "albums:put-back", "processing:retry", "processing:retry-batch"]


def keeper(*codenames: str) -> Client:
    user = User.objects.create_user("keeper", password="a fine password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def photo(album) -> Photo:
    """With a photo in the trash beside it, a failed job, and one that waits."""
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
        name_of_job = JobState.PENDING if name == "processing:cancel-batch" else JobState.FAILED
        return reverse(name, args=[Batch.objects.filter(jobs__state=name_of_job).first().pk])
    if name in ("albums:delete-permanently", "albums:restore"):
        Album.objects.update(trashed_at="2026-01-01T00:00Z")
    return reverse(name, args=[photo.album_id])


def kept() -> dict[str, list[object]]:
    """All that could be deleted."""
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
def test_who_may_only_change_albums_deletes_nothing_of_others(photo, data_dir, name, method):
    client, url = keeper(CHANGE, "change_photo", "change_processingjob", "view_album"), address(name, photo)
    before, files = kept(), sorted(data_dir.rglob("*"))

    answer = getattr(client, method)(url, DATA)

    if method == "post" or answer.status_code != 405:
        assert answer.status_code == 403
        assert b"your account cannot delete it." in answer.content
    assert (kept(), sorted(data_dir.rglob("*"))) == (before, files)


@pytest.mark.parametrize("name", DESTRUCTIVE)
@pytest.mark.parametrize("codename", [DELETE_ALBUM, DELETE_PHOTO])
def test_one_permission_more_allows_it(photo, name, codename):
    answer = keeper(CHANGE, codename).post(address(name, photo), DATA)

    assert answer.status_code == (302 if codename in DESTRUCTIVE[name] else 403)


@pytest.mark.parametrize("name", DESTRUCTIVE)
def test_without_the_permission_to_change_it_does_not_exist(photo, name):
    url = address(name, photo)
    before = kept()

    answer = keeper(DELETE_ALBUM, DELETE_PHOTO).post(url, DATA)

    assert answer.status_code in (302, 404)  # the failures' desk has none to dismiss
    assert kept() == before


@pytest.mark.parametrize("name", HARMLESS)
def test_who_may_change_albums_restores_and_retries(photo, name):
    assert keeper(CHANGE).post(address(name, photo)).status_code == 302


def test_pages_offer_nothing_that_would_be_refused(photo):
    client = keeper(CHANGE)
    batch = Batch.objects.first()

    for path in (
        f"/albums/{photo.album_id}/",
        f"/photos/{photo.pk}/",
        f"/albums/{photo.album_id}/trash/",
        f"/batches/{batch.pk}/",
    ):
        words = client.get(path).content.decode()
        assert "Delete" not in words, path
        assert 'id="cancel-rest"' not in words, path
        assert 'id="dismiss-report"' not in words, path


def test_who_sent_a_batch_to_anothers_album_may_cancel_and_delete_that(photo):
    ProcessingJob.objects.update(state=JobState.COMPLETED)
    client = keeper(CHANGE)
    mine = making.job_in(photo.album, JobState.PENDING)
    Batch.objects.filter(pk=mine.batch_id).update(opened_by=User.objects.get(username="keeper"))

    assert client.post(f"/albums/{photo.album_id}/uploads/cancel/").status_code == 302

    mine.refresh_from_db()
    assert mine.state == JobState.CANCELLED
    assert client.post(f"/batches/{mine.batch_id}/delete/").status_code == 302
    assert not Batch.objects.filter(pk=mine.batch_id).exists()


def test_of_many_failures_only_the_own_are_dismissed(photo):
    client = keeper(CHANGE)
    album = Album.objects.create(title="Mine", owner=User.objects.get(username="keeper"))
    jobs.cancel(ProcessingJob.objects.get(state=JobState.PENDING))  # or it would be the next one to fail
    mine = making.job_in(album, JobState.FAILED)

    words = client.post("/failures/dismiss/", DATA, follow=True).content.decode()

    mine.refresh_from_db()
    assert mine.state == JobState.CANCELLED
    assert ProcessingJob.objects.failed().count() == 1
    assert "1 file belongs to other users and your account cannot delete them." in words


@pytest.mark.parametrize("action", ["cancel", "dismiss"])
def test_the_admin_deletes_no_raw_files_of_others_without_it(photo, action):
    client = keeper(CHANGE, "change_processingjob", "view_processingjob")
    before = kept()
    chosen = [str(pk) for pk in ProcessingJob.objects.values_list("pk", flat=True)]

    client.post("/admin/processing/processingjob/", {"action": action, "_selected_action": chosen, "post": "yes"})

    assert kept() == before


def test_in_the_admin_nobody_makes_anothers_album_or_photo_the_own_to_delete_it(photo, owner):
    client = keeper(CHANGE, "change_photo")
    me = User.objects.get(username="keeper")
    mine = Album.objects.create(title="Mine", owner=me)

    client.post(f"/admin/albums/album/{photo.album_id}/change/", {"title": "Summer", "owner": me.pk})
    page = client.get(f"/admin/albums/photo/{photo.pk}/change/").content.decode()
    client.post(f"/admin/albums/photo/{photo.pk}/change/", {"album": mine.pk, "position": 1, "keywords": "[]"})

    assert Album.objects.get(pk=photo.album_id).owner == owner
    assert 'name="album"' not in page
    photo.refresh_from_db()
    assert photo.album_id != mine.pk
