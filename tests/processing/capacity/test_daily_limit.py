"""How many files one person may declare in a day, however they are told of."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.capacity import daily_limit
from processing.models import Batch, Upload
from processing.uploads import lifecycle as uploads
from tests.journeys.test_tus import create
from tests.processing import making

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture
def signed_in(owner, settings, monkeypatch) -> Client:
    """Someone who may send three files a day, each of which is counted at once."""
    settings.USER_FILES_PER_DAY = 3
    monkeypatch.setattr(daily_limit, "CACHE_SECONDS", -1)
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def spent(signed_in, album) -> None:
    for _ in range(3):
        assert create(signed_in, album).status_code == 201


def declare(client: Client, album: Album, files: int, skipped: int = 0):
    told = {
        "open": True,
        "files": [{"name": f"{n}.jpg", "size": 10} for n in range(files)],
        "skipped": [{"name": f"new/{n}.txt", "size": n} for n in range(skipped)],
    }
    return client.post(f"/albums/{album.pk}/uploads/manifest/", json.dumps(told), "application/json")


def send(client: Client, album: Album):
    files = {"photos": SimpleUploadedFile("a.jpg", making.jpeg())}
    return client.post(f"/albums/{album.pk}/uploads/", files, headers=JSON)


@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize("way", [create, send, lambda client, album: declare(client, album, 1)])
def test_who_has_sent_all_that_are_allowed_is_told_so(signed_in, owner, way):
    other = Album.objects.create(title="Another", owner=owner)

    answer = way(signed_in, other)

    assert (answer.status_code, answer.json()["error"]) == (429, "too-many-files-today")
    assert answer["Retry-After"]
    assert not Upload.objects.filter(album=other).exists()


@pytest.mark.usefixtures("spent")
def test_others_may_go_on(stranger):
    client = Client()
    client.force_login(stranger)

    assert create(client, Album.objects.create(title="Theirs", owner=stranger)).status_code == 201


@pytest.mark.usefixtures("spent")
def test_a_batch_that_runs_is_gone_on_with(signed_in, album):
    assert declare(signed_in, album, 0).status_code == 200


def test_a_list_counts_with_all_its_files(signed_in, album):
    assert declare(signed_in, album, 2, 2).status_code == 429
    assert declare(signed_in, album, 2, 1).status_code == 200


@pytest.mark.usefixtures("spent")
def test_the_next_day_all_is_forgiven(signed_in, owner):
    Batch.objects.update(opened_at=timezone.now() - timedelta(hours=25))

    assert create(signed_in, Album.objects.create(title="Another", owner=owner)).status_code == 201


def test_what_was_counted_is_believed_for_a_while_and_what_came_since_counts(signed_in, owner, monkeypatch):
    monkeypatch.setattr(daily_limit, "CACHE_SECONDS", 60)

    assert [daily_limit.shortage(owner.pk) for _ in range(4)] == [None, None, None, daily_limit.LIMIT_REACHED]


def test_refused_files_of_a_batch_have_so_many_rows_and_no_more(signed_in, album, settings):
    settings.USER_FILES_PER_DAY, settings.MAX_BATCH_FILES = 0, 2

    statuses = [create(signed_in, album).status_code for _ in range(8)]

    assert statuses == [201, 201] + [413] * 6
    assert Upload.objects.count() == 4


def test_skipped_files_of_a_batch_have_so_many_rows_and_no_more(signed_in, album, settings, monkeypatch):
    settings.USER_FILES_PER_DAY = 0
    monkeypatch.setattr(uploads, "MAX_ROWS_PER_INSERT", 10)
    assert declare(signed_in, album, 1, 5).status_code == 200

    answer = declare(signed_in, album, 1, 5)

    assert (answer.status_code, answer.json()["error"]) == (413, "too-many-files")
    assert Upload.objects.count() == 6


def test_no_row_is_written_where_the_disk_is_full(signed_in, album, settings):
    settings.USER_FILES_PER_DAY = 0
    assert declare(signed_in, album, 1).status_code == 200
    settings.MIN_FREE_BYTES = 1 << 60

    answer = declare(signed_in, album, 1, 3)

    assert (answer.status_code, answer.json()["error"]) == (507, "disk-full")
    assert Upload.objects.count() == 1
