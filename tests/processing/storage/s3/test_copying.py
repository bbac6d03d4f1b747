import hashlib

import pytest

from processing.storage.s3 import config as s3_config
from processing.storage.s3.s3_store import S3Store

MIB = 1 << 20


@pytest.fixture
def store(rgw, settings, tmp_path):
    for name, value in rgw.new_prefix().items():
        setattr(settings, name, value)
    return S3Store(s3_config.current(), tmp_path / "store")


@pytest.mark.servers
def test_an_object_that_is_too_large_for_a_single_copy_is_copied_in_parts(store, rgw, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "processing.storage.s3.transfer.MAX_COPY_BYTES", 4 * MIB
    )  # instead of 5 GiB, which would take too long
    monkeypatch.setattr("processing.storage.s3.transfer.COPY_PART_BYTES", 5 * MIB)
    content = b"".join(number.to_bytes(4, "big") for number in range(3 * MIB + 1))
    (tmp_path / "large").write_bytes(content)
    store.send(tmp_path / "large", "incoming/1")

    store.copy_or_link("incoming/1", "originals/ab/1.jpg")

    with store.open_local("originals/ab/1.jpg") as path:
        assert path.read_bytes() == content
    head = rgw.client().head_object(Bucket=store.connection.bucket, Key=store.connection.name("originals/ab/1.jpg"))
    assert head["ETag"].endswith('-3"')
    assert head["Metadata"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert rgw.multiparts(store.connection.bucket) == []
