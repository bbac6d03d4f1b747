import pytest
from django.test import Client

from albums.models import Photo
from processing.rendering import worker
from tests.processing import making


@pytest.fixture
def photo(album, django_capture_on_commit_callbacks) -> Photo:
    """Returns a developed photo with its files."""
    making.received(album, making.jpeg((500, 400)))
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    return album.photos.get()


@pytest.fixture
def signed_in(owner) -> Client:
    """A client of the owner."""
    client = Client()
    client.force_login(owner)
    return client
