import hashlib
import tracemalloc

import pytest
from botocore.exceptions import EndpointConnectionError

from processing.storage.s3 import s3_client as bucket_
from processing.storage.s3 import transfer
from processing.storage.s3.s3_store import S3Store
from processing.storage.storage_errors import StorageError
from tests.processing.storage.answering import answering, refusal

MIB = 1 << 20
ENOUGH = 8 * MIB
"""Far less than what is sent, and far more than what boto3 holds for its own sake."""


@pytest.fixture
def large(tmp_path):
    """Each of its bytes tells where it is from."""
    path = tmp_path / "large"
    path.write_bytes(b"".join(number.to_bytes(4, "big") for number in range(5 * MIB + 1)))
    return path


@pytest.fixture
def store(bucket, tmp_path):
    return S3Store(bucket, tmp_path / "store")


def test_a_large_file_goes_in_parts_side_by_side_and_comes_back_whole_in_little_memory(store, moto, large):
    store.exists("warm/up")  # boto3 loads its own things once
    tracemalloc.start()
    try:
        store.send(large, "incoming/1")
        with store.open_local("incoming/1") as path, path.open("rb") as file:
            came_back = hashlib.file_digest(file, "sha256").hexdigest()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert came_back == hashlib.sha256(large.read_bytes()).hexdigest()
    assert peak < ENOUGH
    head = moto.client().head_object(Bucket=store.connection.bucket, Key=store.connection.name("incoming/1"))
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"sha256": hashlib.sha256(large.read_bytes()).hexdigest()}


def test_however_large_a_file_is_it_has_no_more_parts_than_are_allowed():
    assert transfer.part_ranges(5) == [(0, 5)]
    assert transfer.part_ranges(2 * transfer.PART_BYTES + 1)[-1] == (2 * transfer.PART_BYTES, 1)

    parts = transfer.part_ranges(5 << 40)

    assert len(parts) <= transfer.MAX_PARTS
    assert sum(length for _, length in parts) == 5 << 40


def test_bytes_that_arrived_otherwise_are_not_taken_for_sent(tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")
    other = {"ETag": f'"{hashlib.md5(b"other").hexdigest()}"'}

    with answering(200, headers=other) as connection, pytest.raises(StorageError, match="damaged"):
        S3Store(connection, tmp_path).send(tmp_path / "photo", "incoming/1")


def test_bytes_that_changed_in_the_bucket_are_not_taken_for_good(store, moto, tmp_path):
    (tmp_path / "photo").write_bytes(b"photo")
    store.send(tmp_path / "photo", "incoming/1")
    name = {"Bucket": store.connection.bucket, "Key": store.connection.name("incoming/1")}
    kept = moto.client().head_object(**name)["Metadata"]
    moto.client().put_object(Body=b"other", Metadata=kept, **name)

    with pytest.raises(OSError, match="differs from the uploaded data"), store.open_local("incoming/1"):
        pass


def test_a_file_whose_line_breaks_between_two_parts_leaves_none(store, moto, large):
    def breaks(params: dict, **_: object) -> None:
        if params["query_string"]["partNumber"] == 2:
            raise EndpointConnectionError(endpoint_url=store.connection.endpoint)

    events = bucket_.client(store.connection).meta.events
    events.register("before-call.s3.UploadPart", breaks)
    try:
        with pytest.raises(StorageError) as raised:
            store.send(large, "incoming/1")
    finally:
        events.unregister("before-call.s3.UploadPart", breaks)

    assert raised.value.code == "s3-network"
    assert moto.multiparts(store.connection.bucket) == []
    assert not store.exists("incoming/1")


def test_renditions_are_put_with_what_a_browser_goes_by(store, moto, tmp_path):
    for key in ("renditions/ab/c/800.webp", "renditions/ab/c/800.avif", "originals/ab/c.jpg"):
        (tmp_path / "file").write_bytes(b"bytes")
        store.move_in({key: tmp_path / "file"})

    def head(key: str) -> tuple[str, str | None]:
        found = moto.client().head_object(Bucket=store.connection.bucket, Key=store.connection.name(key))
        return found["ContentType"], found.get("CacheControl")

    for_ever = "private, max-age=31536000, immutable"
    assert head("renditions/ab/c/800.webp") == ("image/webp", for_ever)
    assert head("renditions/ab/c/800.avif") == ("image/avif", for_ever)
    assert head("originals/ab/c.jpg") == ("application/octet-stream", None)


def test_a_draft_outlives_a_bucket_that_did_not_take_it(bucket, store, tmp_path):
    with answering(403, refusal("AccessDenied")) as connection:
        growing = S3Store(connection, tmp_path / "store").grow("incoming/1")
        with pytest.raises(StorageError):
            growing.fence()
        (tmp_path / "store/incoming/1.part").write_bytes(b"whole")
        assert growing.fence() == 5
        with pytest.raises(StorageError):
            growing.commit()
        growing.close()

    again = store.grow("incoming/1")
    assert again.fence() == 5
    again.commit()
    again.close()

    assert store.size("incoming/1") == 5
    assert not (tmp_path / "store/incoming/1.part").exists()
