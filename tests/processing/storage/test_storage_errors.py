import errno
from dataclasses import replace

import pytest

from processing.storage.s3.s3_store import S3Store
from processing.storage.storage_errors import StorageError
from tests.processing.storage.stub_s3 import error_body, responding


@pytest.mark.parametrize(
    ("status", "s3_code", "code", "permanent"),
    [
        (403, "InvalidAccessKeyId", "s3-credentials", True),
        (403, "SignatureDoesNotMatch", "s3-credentials", True),
        (403, "AccessDenied", "s3-credentials", True),
        (400, "ExpiredToken", "s3-credentials", True),
        (403, "RequestTimeTooSkewed", "s3-credentials", True),
        (404, "NoSuchBucket", "s3-bucket-missing", True),
        (400, "AuthorizationHeaderMalformed", "s3-bucket-missing", True),
        (429, "TooManyRequests", "s3-throttled", False),
        (503, "SlowDown", "s3-throttled", False),
        (500, "InternalError", "s3-network", False),
        (502, "", "s3-network", False),
        (507, "XMinioStorageFull", "s3-full", False),
        (405, "MethodNotAllowed", "s3-refused", False),
        (418, "SomethingNew", "s3-refused", False),
    ],
)
def test_an_error_of_the_bucket_is_mapped_to_a_code_and_to_whether_it_is_permanent(
    tmp_path, status, s3_code, code, permanent
):
    with responding(status, error_body(s3_code) if s3_code else "") as connection:
        error = S3Store(connection, tmp_path).problem()

    assert (error.code, error.permanent) == (code, permanent)
    assert error.message.endswith(".")


def test_a_server_that_is_not_running_is_a_network_error(tmp_path):
    with responding(200) as connection:
        pass

    error = S3Store(connection, tmp_path).problem()

    assert (error.code, error.permanent) == ("s3-network", False)


def test_a_full_bucket_raises_the_error_of_a_full_disk(tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")

    with responding(403, error_body("QuotaExceeded")) as connection, pytest.raises(StorageError) as raised:
        S3Store(connection, tmp_path).send(tmp_path / "photo", "incoming/1")

    assert raised.value.errno == errno.EDQUOT


def test_only_a_temporary_error_makes_a_bucket_unavailable(tmp_path):
    with responding(503, error_body("SlowDown")) as busy, responding(403, error_body("AccessDenied")) as forbidden:
        assert [S3Store(connection, tmp_path).is_available() for connection in (busy, forbidden)] == [False, True]


def test_a_missing_bucket_is_not_reported_as_a_missing_file(bucket, tmp_path):
    """The response to HEAD has no body: all photos would look lost, and would be uploaded again."""
    store = S3Store(replace(bucket, bucket="nowhere"), tmp_path)

    with pytest.raises(StorageError, match="The bucket doesn't exist"):
        store.exists("originals/ab/abc.jpg")


def test_a_missing_file_is_reported_as_missing(bucket, tmp_path):
    store = S3Store(bucket, tmp_path)

    assert not store.exists("originals/ab/abc.jpg")
    with pytest.raises(FileNotFoundError):
        store.size("originals/ab/abc.jpg")
    with pytest.raises(FileNotFoundError):
        store.copy_or_link("originals/ab/abc.jpg", "originals/ab/abd.jpg")


def test_the_state_of_a_bucket_is_cached_for_a_short_time(tmp_path, monkeypatch):
    with responding(503, error_body("SlowDown")) as connection:
        store = S3Store(connection, tmp_path)
        store.problem()

    assert store.problem().code == "s3-throttled"  # although the server has stopped
    monkeypatch.setattr("processing.storage.s3.s3_store.CACHE_SECONDS", 0)
    assert store.problem().code == "s3-network"
