"""What all tests share. They never touch the installation's own data."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from albums.models import Album
from tests.servers import PostgreSQL, Redis


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings) -> Path:
    """Each test has a store of its own."""
    for room in ("incoming", "originals", "renditions"):
        (tmp_path / room).mkdir()
    settings.DATA_DIR = tmp_path
    store = settings.STORAGES["default"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": store}
    return tmp_path


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    yield server
    server.stop()
