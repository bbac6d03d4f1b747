"""The number of files that one user may upload per day, by every way to upload."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.capacity import daily_limit
from processing.models import Batch, Upload
from processing.uploads import lifecycle
from tests.journeys.uploads.tus_client import create
from tests.processing import making

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture
def signed_in(owner, settings, monkeypatch) -> Client:
    """A client of a user with a limit of three files a day. Counts are not cached."""
    settings.USER_FILES_PER_DAY = 3
    monkeypatch.setattr(daily_limit, "CACHE_SECONDS", -1)
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def limit_reached(signed_in, album) -> None:
    for _ in range(3):
        assert create(signed_in, album).status_code == 201


def declare(client: Client, album: Album, files: int, skipped: int = 0):
    body = {
        "open": True,
        "files": [{"name": f"{n}.jpg", "size": 10} for n in range(files)],
        "skipped": [{"name": f"new/{n}.txt", "size": n} for n in range(skipped)],
    }
    return client.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(body), "application/json")


def send(client: Client, album: Album):
    files = {"photos": SimpleUploadedFile("a.jpg", making.jpeg())}
    return client.post(f"/albums/{album.pk}/uploads/", files, headers=JSON)


@pytest.mark.usefixtures("limit_reached")
@pytest.mark.parametrize("upload", [create, send, lambda client, album: declare(client, album, 1)])
def test_a_user_at_the_daily_limit_gets_429(signed_in, owner, upload):
    other_album = Album.objects.create(title="Another", owner=owner)

    response = upload(signed_in, other_album)

    assert (response.status_code, response.json()["error"]) == (429, "too-many-files-today")
    assert response["Retry-After"]
    assert not Upload.objects.filter(album=other_album).exists()


@pytest.mark.usefixtures("limit_reached")
def test_the_daily_limit_of_one_user_does_not_affect_other_users(stranger):
    client = Client()
    client.force_login(stranger)

    assert create(client, Album.objects.create(title="Theirs", owner=stranger)).status_code == 201


@pytest.mark.usefixtures("limit_reached")
def test_a_running_batch_may_continue_at_the_daily_limit(signed_in, album):
    assert declare(signed_in, album, 0).status_code == 200


def test_a_manifest_counts_with_all_its_files(signed_in, album):
    assert declare(signed_in, album, 2, 2).status_code == 429
    assert declare(signed_in, album, 2, 1).status_code == 200


@pytest.mark.usefixtures("limit_reached")
def test_the_daily_limit_ends_after_a_day(signed_in, owner):
    Batch.objects.update(opened_at=timezone.now() - timedelta(hours=25))

    assert create(signed_in, Album.objects.create(title="Another", owner=owner)).status_code == 201


def test_a_cached_count_includes_files_that_came_later(signed_in, owner, monkeypatch):
    monkeypatch.setattr(daily_limit, "CACHE_SECONDS", 60)

    assert [daily_limit.shortage(owner.pk) for _ in range(4)] == [None, None, None, daily_limit.LIMIT_REACHED]


def test_rows_of_rejected_files_in_a_batch_are_limited(signed_in, album, settings):
    settings.USER_FILES_PER_DAY, settings.MAX_BATCH_FILES = 0, 2

    statuses = [create(signed_in, album).status_code for _ in range(8)]

    assert statuses == [201, 201] + [413] * 6
    assert Upload.objects.count() == 4


def test_rows_of_skipped_files_in_a_batch_are_limited(signed_in, album, settings, monkeypatch):
    settings.USER_FILES_PER_DAY = 0
    monkeypatch.setattr(lifecycle, "MAX_ROWS_PER_INSERT", 10)
    assert declare(signed_in, album, 1, 5).status_code == 200

    response = declare(signed_in, album, 1, 5)

    assert (response.status_code, response.json()["error"]) == (413, "too-many-files")
    assert Upload.objects.count() == 6


def test_no_row_is_written_if_the_disk_is_full(signed_in, album, settings):
    settings.USER_FILES_PER_DAY = 0
    assert declare(signed_in, album, 1).status_code == 200
    settings.MIN_FREE_BYTES = 1 << 60

    response = declare(signed_in, album, 1, 3)

    assert (response.status_code, response.json()["error"]) == (507, "disk-full")
    assert Upload.objects.count() == 1
