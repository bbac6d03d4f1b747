"""Rendering photos again, as the queue page shows it."""

import pytest
from django.test import Client

from albums.models import Album, Photo
from processing.models import Rerender
from processing.rendering import rerender, worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(album) -> Photo:
    making.received(album)
    assert worker.develop_next()
    photo = album.photos.get()
    rerender.enqueue([photo])
    return photo


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def jobs_page(user) -> str:
    return client_of(user).get("/jobs/").content.decode()


def test_the_queue_shows_a_user_how_many_of_their_photos_wait(photo, owner, stranger):
    assert "1 photo queued, after new uploads." in jobs_page(owner)
    assert "Regenerating previews" not in jobs_page(stranger)


def test_waiting_rerenders_can_be_cancelled(photo, owner):
    response = client_of(owner).post("/jobs/rerendering/cancel/")

    assert (response.status_code, response.url) == (302, "/jobs/")
    assert not Rerender.objects.exists()
    assert "Regenerating previews" not in jobs_page(owner)


def test_a_user_cannot_cancel_rerenders_of_another_user(photo, stranger):
    Album.objects.create(title="Mine", owner=stranger)

    client_of(stranger).post("/jobs/rerendering/cancel/")

    assert Rerender.objects.count() == 1


def test_failed_rerenders_are_listed_with_their_reason(photo, owner):
    Rerender.objects.update(error_code="broken", error_message="The file is damaged.", attempts=1)

    page = jobs_page(owner)

    assert "1 photo failed and keeps its current previews." in page
    assert "The file is damaged." in page
