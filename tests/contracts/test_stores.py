"""The contract of every store. The class of a backend adds its fixture only."""

from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation

from processing.storage.base import Store, WriterFenced
from processing.storage.local.local_store import LocalStore
from processing.storage.router import PlacedStore
from processing.storage.s3 import config as s3_config
from processing.storage.s3.s3_store import S3Store

KEY = "incoming/0a1b"
CLAIM = "renditions/ab/abcdef"


class StoreContract:
    @pytest.fixture
    def work(self, tmp_path: Path) -> Path:
        path = tmp_path / "work"
        path.mkdir()
        return path

    def put(self, store: Store, key: str, content: bytes) -> None:
        writer = store.receive(key)
        writer.write(content)
        writer.commit()

    def bytes_at(self, store: Store, key: str) -> bytes:
        with store.open_local(key) as path:
            return path.read_bytes()

    def test_a_file_exists_once_it_is_committed(self, store):
        writer = store.receive(KEY)
        writer.write(b"half ")
        assert not store.exists(KEY)

        writer.write(b"and whole")
        writer.commit()

        assert self.bytes_at(store, KEY) == b"half and whole"

    def test_a_range_is_read_in_parts_and_never_shorter_than_wanted(self, store):
        content = bytes(range(256)) * 5000
        self.put(store, KEY, content)

        for start, stop in ((0, len(content)), (1000, 700_000), (5, 6), (len(content) - 1, len(content)), (7, 7)):
            assert b"".join(store.read_range(KEY, start, stop)) == content[start:stop]
        with pytest.raises(OSError, match="shorter"):
            list(store.read_range(KEY, 0, len(content) + 1))
        with pytest.raises(FileNotFoundError):
            list(store.read_range("incoming/0a1c", 0, 1))

    def test_aborting_a_file_deletes_it(self, store):
        writer = store.receive(KEY)
        writer.write(b"half")
        writer.abort()

        assert list(store.keys("incoming")) == []

    def test_a_file_deleted_while_it_is_written_cannot_be_committed(self, store):
        writer = store.receive(KEY)
        writer.write(b"half")
        store.delete(KEY)

        with pytest.raises(WriterFenced):
            writer.commit()

        assert list(store.keys("incoming")) == []

    def test_a_partial_file_continues_at_its_offset(self, store):
        first_writer = store.grow(KEY)
        assert first_writer.fence() == 0
        first_writer.append(b"half ")
        first_writer.sync()

        second_writer = store.grow(KEY)
        assert second_writer.fence() == 5
        second_writer.append(b"and whole")
        assert not store.exists(KEY)
        second_writer.commit()

        assert self.bytes_at(store, KEY) == b"half and whole"
        assert list(store.keys("incoming")) == [KEY]

    def test_a_fenced_writer_cannot_append(self, store):
        fenced_writer, writer = store.grow(KEY), store.grow(KEY)
        fenced_writer.fence()
        fenced_writer.append(b"early")
        writer.fence()

        with pytest.raises(WriterFenced):
            fenced_writer.append(b"late")
        writer.commit()

        assert self.bytes_at(store, KEY) == b"early"

    def test_committing_twice_is_harmless_and_fences_the_writer(self, store):
        writer = store.grow(KEY)
        writer.fence()
        writer.append(b"whole")
        writer.commit()
        writer.commit()

        with pytest.raises(WriterFenced):
            writer.append(b"late")
        assert store.grow(KEY).fence() == 5

    def test_deleting_a_partial_file_deletes_all_of_it(self, store):
        writer = store.grow(KEY)
        writer.fence()
        writer.append(b"half")

        store.delete(KEY)

        with pytest.raises(WriterFenced):
            writer.append(b"late")
        assert list(store.keys("incoming")) == []

    def test_files_are_copied_under_a_second_key_each(self, store):
        self.put(store, "originals/ab/one.jpg", b"one")
        self.put(store, f"{CLAIM}/400.webp", b"two")
        new_keys = {"originals/ab/one.jpg": "originals/cd/one.jpg", f"{CLAIM}/400.webp": "renditions/cd/cd/400.webp"}

        for _ in range(2):
            store.copy_all(new_keys)
        for key in new_keys:
            store.delete(key)

        assert [self.bytes_at(store, key) for key in new_keys.values()] == [b"one", b"two"]

    def test_a_missing_file_cannot_be_copied(self, store):
        with pytest.raises(FileNotFoundError):
            store.copy_all({"originals/ab/lost.jpg": "originals/cd/lost.jpg"})

    @staticmethod
    def with_unverified(store, verified: bytes, unverified: bytes):
        """Returns the writer of a partial file whose bytes `unverified` do not count yet."""
        writer = store.grow(KEY)
        writer.fence()
        writer.append(verified)
        writer.begin_unverified()
        writer.append(unverified)
        return writer

    def test_unverified_bytes_count_once_they_are_committed(self, store):
        writer = self.with_unverified(store, b"sure ", b"and proved")
        assert (writer.offset(), store.grow(KEY).offset()) == (5, 5)

        writer.commit_unverified()

        assert (writer.offset(), store.grow(KEY).offset()) == (15, 15)
        writer.commit()
        assert self.bytes_at(store, KEY) == b"sure and proved"

    @pytest.mark.parametrize("verified", [b"", b"sure "])
    def test_unverified_bytes_are_discarded_when_another_writer_fences_the_file(self, store, verified):
        fenced_writer, writer = self.with_unverified(store, verified, b"doubtful"), store.grow(KEY)

        assert writer.fence() == len(verified)

        for action in (
            fenced_writer.commit_unverified,
            fenced_writer.begin_unverified,
            fenced_writer.discard_unverified,
            lambda: fenced_writer.append(b"!"),
        ):
            with pytest.raises(WriterFenced):
                action()
        writer.append(b"and whole")
        writer.commit()
        assert self.bytes_at(store, KEY) == verified + b"and whole"

    def test_the_writer_continues_before_the_unverified_bytes_that_it_discarded(self, store):
        writer = self.with_unverified(store, b"sure ", b"damaged on its way")

        writer.discard_unverified()
        writer.append(b"and ")
        writer.begin_unverified()
        writer.append(b"whole")
        writer.commit_unverified()
        writer.commit()

        assert self.bytes_at(store, KEY) == b"sure and whole"

    def test_opening_a_missing_file_raises_file_not_found(self, store):
        with pytest.raises(FileNotFoundError), store.open_local(KEY):
            pass

    def test_a_file_copied_to_a_second_key_survives_deletion_of_the_first(self, store):
        self.put(store, KEY, b"raw")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")
        store.delete(KEY)

        assert self.bytes_at(store, "originals/ab/abc.jpg") == b"raw"

    def test_copying_twice_is_harmless(self, store):
        self.put(store, KEY, b"raw")
        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        assert self.bytes_at(store, "originals/ab/abc.jpg") == b"raw"

    def test_local_files_are_moved_into_the_store(self, store, work):
        (work / "800.webp").write_bytes(b"800")
        (work / "400.webp").write_bytes(b"400")

        store.move_in({f"{CLAIM}/{name}": work / name for name in ("800.webp", "400.webp")})

        assert sorted(store.keys("renditions")) == [f"{CLAIM}/400.webp", f"{CLAIM}/800.webp"]
        assert self.bytes_at(store, f"{CLAIM}/800.webp") == b"800"
        assert list(work.iterdir()) == []

    def test_deleting_a_missing_file_is_no_error(self, store):
        self.put(store, KEY, b"raw")

        store.delete(KEY)
        store.delete(KEY)

        assert not store.exists(KEY)

    def test_only_keys_below_the_prefix_are_listed(self, store):
        self.put(store, KEY, b"raw")
        self.put(store, "originals/ab/abc.jpg", b"original")

        assert list(store.keys("originals")) == ["originals/ab/abc.jpg"]
        assert list(store.keys("renditions")) == []

    def test_scratch_space_is_deleted_when_its_context_ends(self, store):
        with store.scratch("abc") as path:
            (path / "400.webp").write_bytes(b"400")
            assert list(path.iterdir()) != []

        assert not path.exists()

    @pytest.mark.parametrize("key", ["../outside", "originals/../../outside", "/etc/outside"])
    def test_keys_that_lead_outside_the_store_are_rejected(self, store, key):
        with pytest.raises(SuspiciousFileOperation):
            store.receive(key)


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(location=tmp_path / "store")

    def test_a_store_on_the_disk_returns_its_free_bytes(self, store, tmp_path):
        (tmp_path / "store").mkdir()
        assert store.free_bytes() > 0

    def test_the_empty_directory_of_a_claim_is_deleted_and_shared_ones_are_kept(self, store, tmp_path):
        self.put(store, f"{CLAIM}/400.webp", b"400")

        store.delete(f"{CLAIM}/400.webp")

        assert not (tmp_path / "store" / CLAIM).exists()
        assert (tmp_path / "store/renditions/ab").is_dir()

    def test_an_original_is_a_hard_link(self, store, tmp_path):
        self.put(store, KEY, b"raw")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        assert (tmp_path / "store" / KEY).samefile(tmp_path / "store/originals/ab/abc.jpg")


class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, bucket, tmp_path):
        return S3Store(bucket, tmp_path / "store")

    @pytest.fixture(autouse=True)
    def no_file_is_left_on_the_disk(self, tmp_path):
        """Asserts that neither partial files nor local copies are left on the disk."""
        yield
        assert [path for path in tmp_path.glob("store/**/*") if path.is_file() and path.suffix != ".fence"] == []

    def test_a_store_in_a_bucket_has_no_free_bytes(self, store):
        assert store.free_bytes() is None


@pytest.mark.servers
class TestS3StoreOnCeph(TestS3Store):
    @pytest.fixture
    def store(self, rgw, settings, tmp_path):
        for name, value in rgw.new_prefix().items():
            setattr(settings, name, value)
        return S3Store(s3_config.from_environment(), tmp_path / "store")


class TestPlacedStoreOnDisk(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return PlacedStore(location=tmp_path / "store")
