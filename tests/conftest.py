"""What all tests share. They never touch the installation's own data."""

import os
import tempfile
from pathlib import Path

_DATA = tempfile.TemporaryDirectory(prefix="darkroom-tests-")
os.environ["DATA_DIR"] = _DATA.name

import pytest  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402

from albums.models import Album  # noqa: E402


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings) -> Path:
    for room in ("incoming", "originals", "renditions"):
        (tmp_path / room).mkdir()
    settings.DATA_DIR = tmp_path
    settings.STORAGES = {
        "default": {"BACKEND": "processing.storage.local.LocalStore", "OPTIONS": {"location": tmp_path}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
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
