"""What all tests share. They never touch the installation's own data."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from huey.contrib.djhuey import HUEY

from albums import removal
from albums.download import archive
from albums.models import Album
from albums.operations import engine
from config.http import health
from processing.capacity import daily_limit, staging_quota
from processing.integrity import scrub
from processing.maintenance import sweep
from processing.rendering import shared_sandbox
from processing.storage import locations
from processing.storage.s3 import config as s3_config
from processing.storage.s3 import s3_client as bucket_client
from processing.storage.s3.config import Connection
from tests import installation, stack
from tests.servers import PostgreSQL, Redis

pytest_plugins = [
    "tests.support.time_limits",
    "tests.support.failures",
    "tests.support.order",
    "tests.support.server_stack",
    "tests.support.shared_servers",
]


@pytest.fixture(autouse=True)
def data_dir(tmp_path_factory, settings) -> Path:
    """Each test has a store of its own, and a queue without bells."""
    path = tmp_path_factory.mktemp("data")
    for room in ("incoming", "originals", "renditions"):
        (path / room).mkdir()
    settings.DATA_DIR = path
    settings.S3_PREFIX = stack.new_prefix(path)
    store = settings.STORAGES["default"] | {"OPTIONS": {"location": path}}
    settings.STORAGES = settings.STORAGES | {"default": store}
    HUEY.storage.flush_queue()
    staging_quota.clear_cache()
    health.health_check.clear()
    health.readiness_check.clear()
    daily_limit.clear_cache()
    return path


@pytest.fixture(scope="session")
def django_db_keepdb(pytestconfig) -> bool:
    """Whether the database is copied before Django looks for it, which is worth it when several processes need one."""
    return hasattr(pytestconfig, "workerinput") and not stack.IS_ON_SERVERS


@pytest.fixture(scope="session")
def django_db_modify_db_settings(more_time, django_db_modify_db_settings_parallel_suffix, django_db_keepdb) -> None:
    """All migrations run within the first test's time, if they have not run before: then the database is a copy."""
    more_time(300)
    test = connection.settings_dict["TEST"]
    if stack.IS_ON_SERVERS:
        test["TEMPLATE"] = stack.TABLES
    elif django_db_keepdb:
        shutil.copy(installation.migrated_database(), test["NAME"])


@pytest.fixture(scope="session", autouse=True)
def time_for_requests_and_storage() -> None:
    """On a busy machine a slow bucket is not unavailable, and one step or request does all that a test asks for.

    A test about the rest, which the queue does, sets the limit itself.
    """
    bucket_client.CONNECT_SECONDS = bucket_client.READ_SECONDS = bucket_client.IMPATIENT_SECONDS = 60
    scrub.STEP_SECONDS = archive.CHECK_SECONDS = 600
    engine.REQUEST_SECONDS = removal.REQUEST_SECONDS = sweep.OPERATION_SECONDS = 600


@pytest.fixture
def stored(data_dir) -> Path:
    """Where files that come now are kept, as a directory: on the servers' stack that is the bucket."""
    return data_dir / locations.for_new()


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    """The worker's sandbox lives as long as its process; here, as long as the test."""
    yield
    if shared_sandbox.sandbox.cache_info().currsize:
        shared_sandbox.sandbox().close()
        shared_sandbox.sandbox.cache_clear()


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_user("owner", password="a fine password")


@pytest.fixture
def stranger(db) -> User:
    return User.objects.create_user("stranger", password="a fine password")


@pytest.fixture
def others(stranger) -> Client:
    """The stranger, signed in."""
    client = Client()
    client.force_login(stranger)
    return client


@pytest.fixture
def their_album(stranger) -> Album:
    return Album.objects.create(title="Theirs", owner=stranger)


@pytest.fixture
def admin(db) -> User:
    return User.objects.create_superuser("admin", password="a fine password")


@pytest.fixture
def album(owner) -> Album:
    return Album.objects.create(title="Summer", owner=owner)


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """For a test that stops the server. Other tests use `postgresql`, which has been started."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def bucket(moto, settings) -> Connection:
    """New files go into a bucket of the test's own."""
    for name, value in moto.new_bucket().items():
        setattr(settings, name, value)
    return s3_config.from_environment()


@pytest.fixture(autouse=True)
def no_saved_connection(monkeypatch) -> None:
    """Looking for one now and then would count as a query where tests count them. Its tests call `bucket_settings.connect()`."""
    monkeypatch.setattr(s3_config, "_source", lambda: None)
