"""What every store must keep. A backend's class adds its fixture only."""

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
        receiving = store.receive(key)
        receiving.write(content)
        receiving.commit()

    def bytes_at(self, store: Store, key: str) -> bytes:
        with store.open_local(key) as path:
            return path.read_bytes()

    def test_a_file_is_there_when_it_was_committed(self, store):
        receiving = store.receive(KEY)
        receiving.write(b"half ")
        assert not store.exists(KEY)

        receiving.write(b"and whole")
        receiving.commit()

        assert self.bytes_at(store, KEY) == b"half and whole"

    def test_an_aborted_file_leaves_nothing(self, store):
        receiving = store.receive(KEY)
        receiving.write(b"half")
        receiving.abort()

        assert list(store.keys("incoming")) == []

    def test_a_file_deleted_on_its_way_cannot_be_committed(self, store):
        receiving = store.receive(KEY)
        receiving.write(b"half")
        store.delete(KEY)

        with pytest.raises(WriterFenced):
            receiving.commit()

        assert list(store.keys("incoming")) == []

    def test_a_growing_file_goes_on_where_it_stopped(self, store):
        first = store.grow(KEY)
        assert first.fence() == 0
        first.append(b"half ")
        first.sync()

        second = store.grow(KEY)
        assert second.fence() == 5
        second.append(b"and whole")
        assert not store.exists(KEY)
        second.commit()

        assert self.bytes_at(store, KEY) == b"half and whole"
        assert list(store.keys("incoming")) == [KEY]

    def test_a_writer_whose_file_was_taken_over_writes_nothing_more(self, store):
        late, next_one = store.grow(KEY), store.grow(KEY)
        late.fence()
        late.append(b"early")
        next_one.fence()

        with pytest.raises(WriterFenced):
            late.append(b"late")
        next_one.commit()

        assert self.bytes_at(store, KEY) == b"early"

    def test_committing_twice_is_harmless_and_fences_off_everybody(self, store):
        growing = store.grow(KEY)
        growing.fence()
        growing.append(b"whole")
        growing.commit()
        growing.commit()

        with pytest.raises(WriterFenced):
            growing.append(b"late")
        assert store.grow(KEY).fence() == 5

    def test_deleting_a_growing_file_leaves_nothing_of_it(self, store):
        growing = store.grow(KEY)
        growing.fence()
        growing.append(b"half")

        store.delete(KEY)

        with pytest.raises(WriterFenced):
            growing.append(b"late")
        assert list(store.keys("incoming")) == []

    @staticmethod
    def doubtful(store, first: bytes, then: bytes):
        """A file of which `then` does not count yet."""
        growing = store.grow(KEY)
        growing.fence()
        growing.append(first)
        growing.begin_unverified()
        growing.append(then)
        return growing

    def test_what_is_in_doubt_counts_when_it_is_trusted(self, store):
        growing = self.doubtful(store, b"sure ", b"and proved")
        assert (growing.offset(), store.grow(KEY).offset()) == (5, 5)

        growing.commit_unverified()

        assert (growing.offset(), store.grow(KEY).offset()) == (15, 15)
        growing.commit()
        assert self.bytes_at(store, KEY) == b"sure and proved"

    @pytest.mark.parametrize("first", [b"", b"sure "])
    def test_what_is_in_doubt_goes_when_another_takes_over(self, store, first):
        late, next_one = self.doubtful(store, first, b"doubtful"), store.grow(KEY)

        assert next_one.fence() == len(first)

        for too_late in (
            late.commit_unverified,
            late.begin_unverified,
            late.discard_unverified,
            lambda: late.append(b"!"),
        ):
            with pytest.raises(WriterFenced):
                too_late()
        next_one.append(b"and whole")
        next_one.commit()
        assert self.bytes_at(store, KEY) == first + b"and whole"

    def test_its_writer_goes_on_before_what_was_doubtful(self, store):
        growing = self.doubtful(store, b"sure ", b"damaged on its way")

        growing.discard_unverified()
        growing.append(b"and ")
        growing.begin_unverified()
        growing.append(b"whole")
        growing.commit_unverified()
        growing.commit()

        assert self.bytes_at(store, KEY) == b"sure and whole"

    def test_borrowing_what_is_not_there_says_so(self, store):
        with pytest.raises(FileNotFoundError), store.open_local(KEY):
            pass

    def test_bytes_are_kept_under_a_second_key(self, store):
        self.put(store, KEY, b"raw")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")
        store.delete(KEY)

        assert self.bytes_at(store, "originals/ab/abc.jpg") == b"raw"

    def test_keeping_twice_is_harmless(self, store):
        self.put(store, KEY, b"raw")
        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        assert self.bytes_at(store, "originals/ab/abc.jpg") == b"raw"

    def test_local_files_are_adopted(self, store, work):
        (work / "800.webp").write_bytes(b"800")
        (work / "400.webp").write_bytes(b"400")

        store.move_in({f"{CLAIM}/{name}": work / name for name in ("800.webp", "400.webp")})

        assert sorted(store.keys("renditions")) == [f"{CLAIM}/400.webp", f"{CLAIM}/800.webp"]
        assert self.bytes_at(store, f"{CLAIM}/800.webp") == b"800"
        assert list(work.iterdir()) == []

    def test_deleting_what_is_gone_is_no_error(self, store):
        self.put(store, KEY, b"raw")

        store.delete(KEY)
        store.delete(KEY)

        assert not store.exists(KEY)

    def test_keys_are_listed_below_a_prefix_only(self, store):
        self.put(store, KEY, b"raw")
        self.put(store, "originals/ab/abc.jpg", b"original")

        assert list(store.keys("originals")) == ["originals/ab/abc.jpg"]
        assert list(store.keys("renditions")) == []

    def test_scratch_space_goes_with_its_context(self, store):
        with store.scratch("abc") as path:
            (path / "400.webp").write_bytes(b"400")
            assert list(path.iterdir()) != []

        assert not path.exists()

    @pytest.mark.parametrize("key", ["../outside", "originals/../../outside", "/etc/outside"])
    def test_no_key_leads_outside(self, store, key):
        with pytest.raises(SuspiciousFileOperation):
            store.receive(key)


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(location=tmp_path / "store")

    def test_it_knows_its_free_space(self, store, tmp_path):
        (tmp_path / "store").mkdir()
        assert store.free_bytes() > 0

    def test_a_claims_empty_directory_goes_and_shared_ones_stay(self, store, tmp_path):
        self.put(store, f"{CLAIM}/400.webp", b"400")

        store.delete(f"{CLAIM}/400.webp")

        assert not (tmp_path / "store" / CLAIM).exists()
        assert (tmp_path / "store/renditions/ab").is_dir()

    def test_an_original_is_no_copy(self, store, tmp_path):
        self.put(store, KEY, b"raw")

        store.copy_or_link(KEY, "originals/ab/abc.jpg")

        assert (tmp_path / "store" / KEY).samefile(tmp_path / "store/originals/ab/abc.jpg")


class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, bucket, tmp_path):
        return S3Store(bucket, tmp_path / "store")

    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path):
        """Neither drafts nor what was borrowed stays on the disk."""
        yield
        assert [path for path in tmp_path.glob("store/**/*") if path.is_file() and path.suffix != ".fence"] == []

    def test_room_has_no_meaning_there(self, store):
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
