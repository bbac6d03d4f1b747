import hashlib
import tracemalloc

import pytest
from botocore.exceptions import EndpointConnectionError

from processing.storage.s3 import s3_client as bucket_
from processing.storage.s3 import transfer
from processing.storage.s3.s3_store import S3Store
from processing.storage.storage_errors import StorageError
from tests.processing.storage.stub_s3 import error_body, responding

MIB = 1 << 20
MAX_PEAK_BYTES = 8 * MIB
"""Far less than the file that is sent, and far more than boto3 needs for its own data."""


@pytest.fixture
def large(tmp_path):
    """A file of four-byte numbers, each different."""
    path = tmp_path / "large"
    path.write_bytes(b"".join(number.to_bytes(4, "big") for number in range(5 * MIB + 1)))
    return path


@pytest.fixture
def store(bucket, tmp_path):
    return S3Store(bucket, tmp_path / "store")


def test_a_large_file_is_sent_in_parallel_parts_and_read_back_with_little_memory(store, moto, large):
    store.exists("warm/up")  # boto3 loads its own data once
    tracemalloc.start()
    try:
        store.send(large, "incoming/1")
        with store.open_local("incoming/1") as path, path.open("rb") as file:
            received_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert received_sha256 == hashlib.sha256(large.read_bytes()).hexdigest()
    assert peak < MAX_PEAK_BYTES
    head = moto.client().head_object(Bucket=store.connection.bucket, Key=store.connection.name("incoming/1"))
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"sha256": hashlib.sha256(large.read_bytes()).hexdigest()}


def test_the_number_of_parts_is_limited_for_files_of_any_size():
    assert transfer.part_ranges(5) == [(0, 5)]
    assert transfer.part_ranges(2 * transfer.PART_BYTES + 1)[-1] == (2 * transfer.PART_BYTES, 1)

    parts = transfer.part_ranges(5 << 40)

    assert len(parts) <= transfer.MAX_PARTS
    assert sum(length for _, length in parts) == 5 << 40


def test_bytes_that_arrive_damaged_raise_an_error(tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")
    headers = {"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'}

    with responding(200, headers=headers) as connection, pytest.raises(StorageError, match="damaged"):
        S3Store(connection, tmp_path).send(tmp_path / "photo", "incoming/1")


def test_bytes_that_changed_in_the_bucket_raise_an_error(store, moto, tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")
    store.send(tmp_path / "photo", "incoming/1")
    location = {"Bucket": store.connection.bucket, "Key": store.connection.name("incoming/1")}
    metadata = moto.client().head_object(**location)["Metadata"]
    moto.client().put_object(Body=b"other", Metadata=metadata, **location)

    with pytest.raises(OSError, match="differs from the uploaded data"), store.open_local("incoming/1"):
        pass


def test_a_connection_that_breaks_between_two_parts_leaves_no_part(store, moto, large):
    def fail_at_part_2(params: dict, **_: object) -> None:
        if params["query_string"]["partNumber"] == 2:
            raise EndpointConnectionError(endpoint_url=store.connection.endpoint)

    events = bucket_.client(store.connection).meta.events
    events.register("before-call.s3.UploadPart", fail_at_part_2)
    try:
        with pytest.raises(StorageError) as raised:
            store.send(large, "incoming/1")
    finally:
        events.unregister("before-call.s3.UploadPart", fail_at_part_2)

    assert raised.value.code == "s3-network"
    assert moto.multiparts(store.connection.bucket) == []
    assert not store.exists("incoming/1")


def test_renditions_are_stored_with_their_content_type_and_cache_control(store, moto, tmp_path):
    for key in ("renditions/ab/c/800.webp", "renditions/ab/c/800.avif", "originals/ab/c.jpg"):
        (tmp_path / "file").write_bytes(b"bytes")
        store.move_in({key: tmp_path / "file"})

    def head(key: str) -> tuple[str, str | None]:
        response = moto.client().head_object(Bucket=store.connection.bucket, Key=store.connection.name(key))
        return response["ContentType"], response.get("CacheControl")

    immutable = "private, max-age=31536000, immutable"
    assert head("renditions/ab/c/800.webp") == ("image/webp", immutable)
    assert head("renditions/ab/c/800.avif") == ("image/avif", immutable)
    assert head("originals/ab/c.jpg") == ("application/octet-stream", None)


def test_a_partial_file_is_kept_when_the_bucket_rejects_it(bucket, store, tmp_path):
    with responding(403, error_body("AccessDenied")) as connection:
        partial_file = S3Store(connection, tmp_path / "store").grow("incoming/1")
        with pytest.raises(StorageError):
            partial_file.fence()
        (tmp_path / "store/incoming/1.part").write_bytes(b"whole")
        assert partial_file.fence() == 5
        with pytest.raises(StorageError):
            partial_file.commit()
        partial_file.close()

    reopened = store.grow("incoming/1")
    assert reopened.fence() == 5
    reopened.commit()
    reopened.close()

    assert store.size("incoming/1") == 5
    assert not (tmp_path / "store/incoming/1.part").exists()
