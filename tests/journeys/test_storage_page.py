"""The storage page: set up a bucket without an environment file, and be kept from what a form must not reach."""

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
    """As in a real process."""
    bucket_settings.connect()
    bucket_settings.clear_cache()


@pytest.fixture
def keeper(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def told(moto, settings) -> dict[str, str]:
    """What a person fills in for a bucket of the test's own, where such addresses are allowed."""
    settings.S3_ALLOW_INTERNAL = True
    made = moto.new_bucket()
    return {
        "bucket": made["S3_BUCKET"],
        "endpoint": made["S3_ENDPOINT"],
        "region": "us-east-1",
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "addressing": "path",
    }


def test_what_is_saved_is_where_new_photos_go(keeper, told, album, django_capture_on_commit_callbacks):
    assert locations.for_new() == storage_keys.DISK

    assert keeper.post(PAGE, told).status_code == 302

    assert s3_config.current().secret_key == SECRET_KEY
    making.received(album, making.jpeg((900, 600)))
    assert Upload.objects.get().key.startswith("s3/incoming/")
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    assert Photo.objects.get().original_key.startswith("s3/originals/")
    page = keeper.get(PAGE).content.decode()
    assert "New photos are stored in the bucket." in page


def test_the_secret_is_encrypted_at_rest_and_never_shown_again(keeper, told):
    keeper.post(PAGE, told)

    row = BucketConnection.objects.get()
    assert SECRET_KEY not in str(vars(row))
    assert SECRET_KEY not in keeper.get(PAGE).content.decode()
    told["region"] = "NO"
    assert SECRET_KEY not in keeper.post(PAGE, told).content.decode()


def test_an_empty_secret_keeps_the_one_that_is_saved(keeper, told):
    keeper.post(PAGE, told)
    keeper.post(PAGE, told | {"secret_key": "", "prefix": "/photos/"})

    assert (s3_config.current().secret_key, s3_config.current().prefix) == (SECRET_KEY, "photos/")


@pytest.mark.parametrize("change", [{"endpoint": "http://127.0.0.2:9"}, {"access_key": "ANOTHER"}])
def test_a_saved_secret_is_not_sent_to_another_server(keeper, told, change):
    keeper.post(PAGE, told)

    answer = keeper.post("/storage/test/", told | {"secret_key": ""} | change)

    assert answer.status_code == 422
    assert "Enter the secret key again" in answer.content.decode()


def test_a_changed_secret_key_of_the_server_is_told_in_words(keeper, told, settings):
    keeper.post(PAGE, told)
    BucketConnection.objects.update(sealed_secret="gAAAAA-sealed-with-another-key")

    page = keeper.get(PAGE).content.decode()

    assert "SECRET_KEY</code> has changed" in page
    assert keeper.post(PAGE, told | {"secret_key": ""}).status_code == 422
    assert keeper.post(PAGE, told).status_code == 302
    assert s3_config.current().secret_key == SECRET_KEY


def test_another_process_hears_of_it_within_seconds(keeper, told, admin, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(cached_value, "time", SimpleNamespace(monotonic=lambda: now))
    bucket_settings.clear_cache()
    bucket_settings.saved()
    BucketConnection.objects.create(bucket="elsewhere", region="us-east-1", access_key="A", sealed_secret="")

    assert s3_config.current() is None
    now += bucket_settings.CACHE_SECONDS + 1
    assert s3_config.current().bucket == "elsewhere"


def test_the_environment_wins_and_the_form_is_read_only(keeper, told, settings):
    keeper.post(PAGE, told)
    settings.S3_BUCKET = "of-the-environment"

    page = keeper.get(PAGE).content.decode()

    assert "which overrides anything saved here" in page
    assert 'name="bucket"' not in page
    assert keeper.post(PAGE, told | {"bucket": "another"}).status_code == 409
    assert s3_config.current().bucket == "of-the-environment"
    assert BucketConnection.objects.get().bucket == told["bucket"]


@pytest.mark.parametrize("is_htmx", [True, False])
def test_the_test_tells_each_step_and_saves_nothing(keeper, told, is_htmx):
    answer = keeper.post("/storage/test/", told, headers={"HX-Request": "true"} if is_htmx else {})
    page = answer.content.decode()

    assert answer.status_code == 200
    assert ("<html" in page) is not is_htmx
    assert "The connection works." in page
    assert all(f">{step}</span>" in page for step in ("Reach", "Write", "Read", "List", "Copy", "Parts", "Delete"))
    assert not BucketConnection.objects.exists()


def test_a_bucket_that_is_not_there_is_told(keeper, told):
    page = keeper.post("/storage/test/", told | {"bucket": "none-of-that-name"}).content.decode()

    assert "The connection failed." in page
    assert "s3-bucket-missing" in page


def test_a_field_is_judged_by_itself_when_it_was_changed(keeper, told):
    answer = keeper.post("/storage/validate/?field=bucket", told | {"bucket": "No Bucket"})
    page = answer.content.decode()

    assert "3 to 63 lowercase letters" in page
    assert 'aria-invalid="true"' in page
    assert 'name="endpoint"' not in page
    assert keeper.post("/storage/validate/?field=nothing", told).status_code == 400


def test_a_bucket_that_holds_photos_is_neither_left_nor_removed(keeper, told, album):
    keeper.post(PAGE, told)
    photo = making.photo(album, making.received(album))
    photo.original_key = f"s3/{photo.original_key}"
    photo.save()

    assert keeper.post(PAGE, told | {"prefix": "elsewhere"}).status_code == 422
    assert keeper.post(PAGE, told | {"prefix": "elsewhere", "is_same_content": "on"}).status_code == 302
    keeper.post("/storage/disconnect/")
    assert BucketConnection.objects.exists()
    Photo.objects.update(original_key="originals/00/moved.jpg")
    keeper.post("/storage/disconnect/")
    assert BucketConnection.objects.exists()  # the raw file of a job that waits is there yet
    ProcessingJob.objects.all().delete()
    keeper.post("/storage/disconnect/")
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
def test_an_internal_address_is_refused(keeper, told, settings, field, address):
    settings.S3_ALLOW_INTERNAL = False

    answer = keeper.post(PAGE, told | {"endpoint": ""} | {field: address})

    assert answer.status_code == 422
    assert "in the server&#x27;s internal network" in answer.content.decode()


@pytest.mark.once
@pytest.mark.parametrize(
    "address", ["ftp://example.org", "https://a:b@example.org", "https://example.org/path", "example"]
)
def test_what_is_no_address_of_a_server_is_refused(keeper, told, address):
    assert "Use the form https://s3.example.org" in keeper.post(PAGE, told | {"endpoint": address}).content.decode()


@pytest.mark.once
@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address):
    assert ssrf.is_public(address)


def test_an_address_inside_gets_not_even_a_connection(told, data_dir):
    """Whatever was looked at when it was saved: each connection is judged by itself, before it is made."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        typed = s3_config.Connection(
            "photos", f"http://127.0.0.1:{port}", access_key="A", secret_key="B", is_fenced=True
        )

        found = S3Store(typed, data_dir).trouble()

        assert (found.code, found.permanent) == (storage_errors.NETWORK.code, False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_same_connection_works_without_a_fence(told, data_dir):
    typed = s3_config.Connection(told["bucket"], told["endpoint"], access_key=ACCESS_KEY, secret_key=SECRET_KEY)

    assert S3Store(typed, data_dir).trouble() is None


def test_it_exists_for_superusers_alone(owner, keeper):
    client = Client()
    client.force_login(owner)

    assert client.get(reverse("processing:storage")).status_code == 404
    assert keeper.get(reverse("processing:storage")).status_code == 200
