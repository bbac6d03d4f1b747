"""Rendering again, as the queue's page shows it."""

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


def test_the_queue_tells_how_many_wait_to_whom_they_belong(photo, owner, stranger):
    assert "1 photo queued, after new uploads." in jobs_page(owner)
    assert "Regenerating previews" not in jobs_page(stranger)


def test_the_rest_can_be_left_as_it_is(photo, owner):
    response = client_of(owner).post("/jobs/rerendering/cancel/")

    assert (response.status_code, response.url) == (302, "/jobs/")
    assert not Rerender.objects.exists()
    assert "Regenerating previews" not in jobs_page(owner)


def test_nobody_cancels_for_somebody_else(photo, stranger):
    Album.objects.create(title="Mine", owner=stranger)

    client_of(stranger).post("/jobs/rerendering/cancel/")

    assert Rerender.objects.count() == 1


def test_what_could_not_be_made_stands_there_with_its_reason(photo, owner):
    Rerender.objects.update(error_code="broken", error_message="The file is damaged.", attempts=1)

    page = jobs_page(owner)

    assert "1 photo failed and keeps its current previews." in page
    assert "The file is damaged." in page
