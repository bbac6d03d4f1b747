"""The storage page: setting up a bucket without an environment file, and rejecting internal addresses."""

import socket
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from albums.models import Photo
from processing.lib import cached_value
from processing.maintenance import bucket_settings
from processing.models import BucketConnection, ProcessingJob, Upload
from processing.rendering import worker
from processing.storage import keys as storage_keys
from processing.storage import locations, storage_errors
from processing.storage.s3 import config as s3_config
from processing.storage.s3 import ssrf
from processing.storage.s3.s3_store import S3Store
from tests.processing import making
from tests.s3servers import ACCESS_KEY, SECRET_KEY

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
PAGE = "/storage/"


@pytest.fixture(autouse=True)
def connected(monkeypatch, no_saved_connection) -> None:
    """Reads saved settings, as a real process does."""
    bucket_settings.connect()
    bucket_settings.clear_cache()


@pytest.fixture
def admin_client(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def fields(moto, settings) -> dict[str, str]:
    """The fields of the form, filled in for the test's own bucket; internal addresses are allowed."""
    settings.S3_ALLOW_INTERNAL = True
    environment = moto.new_bucket()
    return {
        "bucket": environment["S3_BUCKET"],
        "endpoint": environment["S3_ENDPOINT"],
        "region": "us-east-1",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "addressing": "path",
    }


def test_new_photos_are_stored_in_the_saved_bucket(admin_client, fields, album, django_capture_on_commit_callbacks):
    assert locations.for_new() == storage_keys.DISK

    assert admin_client.post(PAGE, fields).status_code == 302

    assert s3_config.current().secret_key == SECRET_KEY
    making.received(album, making.jpeg((900, 600)))
    assert Upload.objects.get().key.startswith("s3/incoming/")
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    assert Photo.objects.get().original_key.startswith("s3/originals/")
    page = admin_client.get(PAGE).content.decode()
    assert "New photos are stored in the bucket." in page


def test_the_secret_is_encrypted_at_rest_and_never_shown_again(admin_client, fields):
    admin_client.post(PAGE, fields)

    row = BucketConnection.objects.get()
    assert SECRET_KEY not in str(vars(row))
    assert SECRET_KEY not in admin_client.get(PAGE).content.decode()
    fields["region"] = "NO"
    assert SECRET_KEY not in admin_client.post(PAGE, fields).content.decode()


def test_an_empty_secret_keeps_the_saved_one(admin_client, fields):
    admin_client.post(PAGE, fields)
    admin_client.post(PAGE, fields | {"secret_key": "", "prefix": "/photos/"})

    assert (s3_config.current().secret_key, s3_config.current().prefix) == (SECRET_KEY, "photos/")


@pytest.mark.parametrize("change", [{"endpoint": "http://127.0.0.2:9"}, {"access_key": "ANOTHER"}])
def test_a_saved_secret_is_not_sent_to_another_server(admin_client, fields, change):
    admin_client.post(PAGE, fields)

    response = admin_client.post("/storage/test/", fields | {"secret_key": ""} | change)

    assert response.status_code == 422
    assert "Enter the secret key again" in response.content.decode()


def test_the_page_says_that_the_secret_key_of_the_server_has_changed(admin_client, fields, settings):
    admin_client.post(PAGE, fields)
    BucketConnection.objects.update(sealed_secret="gAAAAA-sealed-with-another-key")

    page = admin_client.get(PAGE).content.decode()

    assert "SECRET_KEY</code> has changed" in page
    assert admin_client.post(PAGE, fields | {"secret_key": ""}).status_code == 422
    assert admin_client.post(PAGE, fields).status_code == 302
    assert s3_config.current().secret_key == SECRET_KEY


def test_another_process_uses_the_saved_bucket_after_the_cache_expires(admin_client, fields, admin, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(cached_value, "time", SimpleNamespace(monotonic=lambda: now))
    bucket_settings.clear_cache()
    bucket_settings.saved()
    BucketConnection.objects.create(bucket="elsewhere", region="us-east-1", access_key="A", sealed_secret="")

    assert s3_config.current() is None
    now += bucket_settings.CACHE_SECONDS + 1
    assert s3_config.current().bucket == "elsewhere"


def test_the_environment_overrides_saved_settings_and_makes_the_page_read_only(admin_client, fields, settings):
    admin_client.post(PAGE, fields)
    settings.S3_BUCKET = "of-the-environment"

    page = admin_client.get(PAGE).content.decode()

    assert "which overrides anything saved here" in page
    assert 'name="bucket"' not in page
    assert admin_client.post(PAGE, fields | {"bucket": "another"}).status_code == 409
    assert s3_config.current().bucket == "of-the-environment"
    assert BucketConnection.objects.get().bucket == fields["bucket"]


@pytest.mark.parametrize("is_htmx", [True, False])
def test_testing_the_connection_reports_each_step_and_saves_nothing(admin_client, fields, is_htmx):
    response = admin_client.post("/storage/test/", fields, headers={"HX-Request": "true"} if is_htmx else {})
    page = response.content.decode()

    assert response.status_code == 200
    assert ("<html" in page) is not is_htmx
    assert "The connection works." in page
    assert all(f">{step}</span>" in page for step in ("Reach", "Write", "Read", "List", "Copy", "Parts", "Delete"))
    assert not BucketConnection.objects.exists()


def test_testing_a_missing_bucket_reports_it(admin_client, fields):
    page = admin_client.post("/storage/test/", fields | {"bucket": "none-of-that-name"}).content.decode()

    assert "The connection failed." in page
    assert "s3-bucket-missing" in page


def test_a_changed_field_is_validated_alone(admin_client, fields):
    response = admin_client.post("/storage/validate/?field=bucket", fields | {"bucket": "No Bucket"})
    page = response.content.decode()

    assert "3 to 63 lowercase letters" in page
    assert 'aria-invalid="true"' in page
    assert 'name="endpoint"' not in page
    assert admin_client.post("/storage/validate/?field=nothing", fields).status_code == 400


def test_a_bucket_that_contains_photos_is_neither_replaced_nor_disconnected(admin_client, fields, album):
    admin_client.post(PAGE, fields)
    photo = making.photo(album, making.received(album))
    photo.original_key = f"s3/{photo.original_key}"
    photo.save()

    assert admin_client.post(PAGE, fields | {"prefix": "elsewhere"}).status_code == 422
    assert admin_client.post(PAGE, fields | {"prefix": "elsewhere", "is_same_content": "on"}).status_code == 302
    admin_client.post("/storage/disconnect/")
    assert BucketConnection.objects.exists()
    Photo.objects.update(original_key="originals/00/moved.jpg")
    admin_client.post("/storage/disconnect/")
    assert BucketConnection.objects.exists()  # the raw file of a waiting job is still in it
    ProcessingJob.objects.all().delete()
    admin_client.post("/storage/disconnect/")
    assert not BucketConnection.objects.exists()
    assert s3_config.current() is None


INTERNAL = [
    "http://127.0.0.1:9000",
    "http://localhost:9000",
    "http://[::1]",
    "http://169.254.169.254",
    "http://10.1.2.3",
    "http://192.168.1.1:9000",
    "http://100.64.0.1",
    "http://0.0.0.0",
    "http://2130706433",
    "http://[::ffff:127.0.0.1]",
    "http://[64:ff9b::7f00:1]",
    "http://[fe80::1]",
    "http://[fd00::1]",
    "http://[::7f00:1]",
    "http://[::ffff:0:127.0.0.1]",
    "http://[64:ff9b:1::808:808]",
    "http://[fec0::1]",
    "http://168.63.129.16",
]


@pytest.mark.once
@pytest.mark.parametrize("address", INTERNAL)
@pytest.mark.parametrize("field", ["endpoint", "browser_endpoint"])
def test_an_internal_address_is_rejected(admin_client, fields, settings, field, address):
    settings.S3_ALLOW_INTERNAL = False

    response = admin_client.post(PAGE, fields | {"endpoint": ""} | {field: address})

    assert response.status_code == 422
    assert "in the server&#x27;s internal network" in response.content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    "address", ["ftp://example.org", "https://a:b@example.org", "https://example.org/path", "example"]
)
def test_an_invalid_server_address_is_rejected(admin_client, fields, address):
    assert (
        "Use the form https://s3.example.org"
        in admin_client.post(PAGE, fields | {"endpoint": address}).content.decode()
    )


@pytest.mark.once
@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_recognised(address):
    assert ssrf.is_public(address)


def test_no_connection_is_opened_to_an_internal_address(fields, data_dir):
    """Each connection is checked before it is opened, regardless of any check when the settings were saved."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        connection = s3_config.Connection(
            "photos", f"http://127.0.0.1:{port}", access_key="A", secret_key="B", is_fenced=True
        )

        problem = S3Store(connection, data_dir).problem()

        assert (problem.code, problem.permanent) == (storage_errors.NETWORK.code, False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_unrestricted_connection_reaches_an_internal_address(fields, data_dir):
    connection = s3_config.Connection(
        fields["bucket"], fields["endpoint"], access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )

    assert S3Store(connection, data_dir).problem() is None


def test_the_storage_page_exists_for_superusers_only(owner, admin_client):
    client = Client()
    client.force_login(owner)

    assert client.get(reverse("processing:storage")).status_code == 404
    assert admin_client.get(reverse("processing:storage")).status_code == 200
