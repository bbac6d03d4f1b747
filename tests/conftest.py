"""What all tests share. They never touch the installation's own data."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from huey.contrib.djhuey import HUEY

from albums.models import Album


@pytest.fixture(autouse=True)
def data_dir(tmp_path_factory, settings) -> Path:
    """Each test has a store of its own, and a queue without bells."""
    path = tmp_path_factory.mktemp("data")
    for room in ("incoming", "originals", "renditions"):
        (path / room).mkdir()
    settings.DATA_DIR = path
    store = settings.STORAGES["default"] | {"OPTIONS": {"location": path}}
    settings.STORAGES = settings.STORAGES | {"default": store}
    HUEY.storage.flush_queue()
    return path


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_user("owner", password="a fine password")


@pytest.fixture
def stranger(db) -> User:
    return User.objects.create_user("stranger", password="a fine password")


@pytest.fixture
def admin(db) -> User:
    return User.objects.create_superuser("admin", password="a fine password")


@pytest.fixture
def album(owner) -> Album:
    return Album.objects.create(title="Summer", owner=owner)
