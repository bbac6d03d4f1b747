import errno
from dataclasses import replace

import pytest

from processing.storage.s3.s3_store import S3Store
from processing.storage.storage_errors import StorageError
from tests.processing.storage.answering import answering, refusal


@pytest.mark.parametrize(
    ("status", "said", "code", "permanent"),
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
def test_what_the_bucket_answers_is_told_by_what_can_be_done_about_it(tmp_path, status, said, code, permanent):
    with answering(status, refusal(said) if said else "") as connection:
        trouble = S3Store(connection, tmp_path).trouble()

    assert (trouble.code, trouble.permanent) == (code, permanent)
    assert trouble.message.endswith(".")


def test_a_server_that_nobody_answers_at_is_the_network(tmp_path):
    with answering(200) as connection:
        pass

    trouble = S3Store(connection, tmp_path).trouble()

    assert (trouble.code, trouble.permanent) == ("s3-network", False)


def test_a_bucket_without_room_is_taken_for_a_full_disk(tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")

    with answering(403, refusal("QuotaExceeded")) as connection, pytest.raises(StorageError) as raised:
        S3Store(connection, tmp_path).send(tmp_path / "photo", "incoming/1")

    assert raised.value.errno == errno.EDQUOT


def test_work_waits_for_what_passes_and_fails_at_what_does_not(tmp_path):
    with answering(503, refusal("SlowDown")) as busy, answering(403, refusal("AccessDenied")) as forbidden:
        assert [S3Store(each, tmp_path).is_available() for each in (busy, forbidden)] == [False, True]


def test_a_missing_bucket_is_not_taken_for_a_missing_file(bucket, tmp_path):
    """A HEAD has no words: all photos would look lost, and be asked for again."""
    store = S3Store(replace(bucket, bucket="nowhere"), tmp_path)

    with pytest.raises(StorageError, match="The bucket doesn't exist"):
        store.exists("originals/ab/abc.jpg")


def test_a_file_that_is_missing_is_missing(bucket, tmp_path):
    store = S3Store(bucket, tmp_path)

    assert not store.exists("originals/ab/abc.jpg")
    with pytest.raises(FileNotFoundError):
        store.size("originals/ab/abc.jpg")
    with pytest.raises(FileNotFoundError):
        store.copy_or_link("originals/ab/abc.jpg", "originals/ab/abd.jpg")


def test_what_was_found_is_remembered_for_a_moment(tmp_path, monkeypatch):
    with answering(503, refusal("SlowDown")) as connection:
        store = S3Store(connection, tmp_path)
        store.trouble()

    assert store.trouble().code == "s3-throttled"  # though nobody answers any more
    monkeypatch.setattr("processing.storage.s3.s3_store.CACHE_SECONDS", 0)
    assert store.trouble().code == "s3-network"
