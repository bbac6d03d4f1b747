"""manage.py backup and restore on whole installations: kills, damage and deletions during them lose nothing."""

import gzip
import hashlib
import json
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from processing.lib.failpoints import Point
from tests import polling
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.embedded]

SAVED_ON_A_PAGE = """
from processing.models import BucketConnection
BucketConnection.objects.create(bucket="photos", region="us-east-1", access_key="A", sealed_secret="")
"""
CLEAN = {"photos": 3, "missing": [], "corrupt": [], "orphans": []}
QUIET = {"SCRUB_BYTES_PER_DAY": "0", "SWEEP_SECONDS": "1"}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Installation]:
    """An installation with three photos, a failed file with its raw bytes, and a running web server."""
    with Installation(tmp_path_factory.mktemp("site"), QUIET) as installation:
        fill(installation)
        yield installation


def fill(installation: Installation) -> None:
    installation.start("serve")
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")
    photos = {f"{number}.jpg": making.jpeg((900, 600)) for number in range(3)}
    broken = making.jpeg((900, 600))[:2000]
    assert installation.send(session, album, {**photos, "broken.jpg": broken}).ok
    installation.start("run_huey")
    status = installation.wait_until_idle()
    assert (status["photos"], status["jobs"]["failed"]) == (3, 1)
    installation.stop("run_huey")


@pytest.fixture(scope="module")
def original_backup(site, tmp_path_factory) -> Path:
    backup = tmp_path_factory.mktemp("taken") / "backup"
    site.manage("backup", str(backup), "--renditions")
    return backup


@pytest.fixture
def backup(original_backup, tmp_path) -> Path:
    """A copy of the site's backup with renditions, which the test may change."""
    return shutil.copytree(original_backup, tmp_path / "backup")


@pytest.fixture
def empty(tmp_path) -> Installation:
    """An installation without any data, not even a database."""
    return Installation(tmp_path / "other", QUIET)


def snapshot_names(backup: Path) -> list[str]:
    return sorted(path.name for path in (backup / "snapshots").iterdir())


def stored_files(backup: Path) -> list[Path]:
    return sorted(path for path in (backup / "files").rglob("*") if path.is_file())


def manifest_entries(backup: Path) -> list[dict[str, object]]:
    with gzip.open(backup / "snapshots" / snapshot_names(backup)[-1] / "manifest.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def verify(installation: Installation) -> dict[str, object]:
    return json.loads(installation.manage("verify", "--json", status=None).stdout)


@pytest.mark.smoke
def test_restoring_a_backup_makes_a_complete_installation(site, empty, backup):
    empty.manage("restore", str(backup))

    assert verify(empty) == CLEAN
    assert (empty.data_dir / "secret_key").read_text() == (site.data_dir / "secret_key").read_text()
    empty.manage("collectstatic", "--noinput", "-v0")
    empty.start("serve")
    try:
        assert empty.sign_in().get(f"{empty.url}/photos/1/original/", timeout=60).ok
        assert empty.status()["jobs"] == site.status()["jobs"]
    finally:
        empty.kill("serve")


def test_a_second_backup_copies_no_file_again(site, backup):
    before = {path: path.stat().st_ino for path in stored_files(backup)}

    out = site.manage("backup", str(backup)).stdout

    assert "4 files" in out
    assert "including 0 new (0\xa0bytes)." in out
    assert "It contains the secret key" in out
    assert {path: path.stat().st_ino for path in stored_files(backup)} == before
    assert len(snapshot_names(backup)) == 2


def test_the_files_of_a_backup_are_named_by_their_checksums(backup):
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in stored_files(backup))


def test_only_the_owner_can_read_a_backup(backup):
    snapshot = backup / "snapshots" / snapshot_names(backup)[0]

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [*snapshot.iterdir(), *stored_files(backup)]}
    assert {"secret_key", "database.sqlite3", "manifest.jsonl.gz", "about.json"} < modes.keys()
    assert set(modes.values()) == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in backup.rglob("*") if path.is_dir()} == {0o700}


def test_a_site_restored_without_renditions_renders_them_again(site, empty, backup):
    site.manage("backup", str(backup))
    empty.manage("restore", str(backup))

    report = verify(empty)
    assert {key.partition("/")[0] for key in report["missing"]} == {"renditions"}
    empty.manage("rerender", "--missing")
    empty.start("run_huey")
    try:
        polling.until(lambda: empty.ask("SELECT count(*) FROM processing_rerender") == [(0,)], 240, "not rendered")
    finally:
        empty.stop("run_huey")
    assert verify(empty) == CLEAN


def test_a_backup_killed_while_it_copies_is_continued_by_the_next_run(site, empty, tmp_path):
    backup = tmp_path / "backup"
    killed = site.manage("backup", str(backup), env={"DARKROOM_FAULT": f"{Point.BACKING_UP}:3"}, status=None)

    assert killed.returncode == -signal.SIGKILL
    assert snapshot_names(backup) == []
    assert len(stored_files(backup)) == 2
    out = site.manage("backup", str(backup)).stdout
    assert "including 2 new " in out
    assert list((backup / "drafts").iterdir()) == []
    site.manage("restore", str(backup), "--drill")


def test_a_killed_restore_is_continued_by_the_next_run(empty, backup):
    killed = empty.manage("restore", str(backup), env={"DARKROOM_FAULT": Point.RESTORING}, status=None)

    assert killed.returncode == -signal.SIGKILL
    out = empty.manage("restore", str(backup)).stdout
    assert ", 0 of them in this run" in out
    assert verify(empty) == CLEAN


def test_a_damaged_file_in_the_backup_is_named_and_left_out_only_on_request(empty, backup):
    key, sha256 = next(
        (entry["key"], entry["sha256"])
        for entry in manifest_entries(backup)
        if str(entry["key"]).startswith("originals/")
    )
    corrupt(backup / "files" / str(sha256)[:2] / str(sha256))

    rejected = empty.manage("restore", str(backup), status=1).stderr
    assert f"{key} is damaged in the backup." in rejected
    assert not empty.manage("verify", "--json", status=None).stdout.startswith("{")  # no database was created

    empty.manage("restore", str(backup), "--without-damaged")
    assert verify(empty) == CLEAN | {"missing": [key]}


def test_a_damaged_database_in_the_backup_is_not_restored(empty, backup):
    corrupt(backup / "snapshots" / snapshot_names(backup)[0] / "database.sqlite3")

    assert "is damaged. Use --at to choose an older snapshot" in empty.manage("restore", str(backup), status=1).stderr
    assert list((empty.data_dir / "originals").iterdir()) == []


def test_a_drill_names_damaged_files(site, backup, tmp_path):
    assert "restores 3 photos, all files verified." in site.manage("restore", str(backup), "--drill").stdout

    corrupt(stored_files(backup)[0])

    errors = site.manage("restore", str(backup), "--drill", "--scratch", str(tmp_path), status=1).stderr
    assert "is damaged in the backup." in errors
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]  # the scratch directory is gone


def test_a_lost_original_is_named_and_all_other_files_are_backed_up(empty, backup, tmp_path):
    empty.manage("restore", str(backup))
    lost = empty.ask("SELECT original_key FROM albums_photo ORDER BY id")[0][0]
    (empty.data_dir / lost).unlink()

    command = empty.manage("backup", str(tmp_path / "another"), status=1)

    assert f"{lost} is missing or damaged" in command.stderr
    assert len(stored_files(tmp_path / "another")) == 3
    drill = empty.manage("restore", str(tmp_path / "another"), "--drill").stdout
    assert f"already missing when the backup was made: {lost}" in drill


def test_a_backup_while_photos_are_processed_and_deleted_is_complete(tmp_path):
    """Raw files become originals and photos are deleted repeatedly between the database snapshot and the copying of files."""
    backup = tmp_path / "backup"
    with Installation(tmp_path, QUIET | {"TRASH_DAYS": "0"}) as site:
        site.start("serve")
        session = site.sign_in()
        album = site.new_album(session, "Summer")
        site.start("run_huey")
        for number in range(2):
            photos = {f"{number}-{photo}.jpg": making.jpeg((900, 600)) for photo in range(6)}
            assert site.send(session, album, photos).ok
            site.manage("backup", str(backup), "--renditions")
            pks = [pk for (pk,) in site.ask("SELECT id FROM albums_photo LIMIT 2")]
            site.manage(
                "shell",
                "-c",
                f"from albums.models import Photo; [each.delete() for each in Photo.objects.filter(pk__in={pks})]",
            )
            site.wait_until_idle()

    for name in snapshot_names(backup):
        assert "Drill passed" in site.manage("restore", str(backup), "--drill", "--at", name).stdout


def test_restoring_overwrites_no_data(site, empty, backup):

    errors = site.manage("restore", str(backup), status=1).stderr
    assert "The database already has users or albums" in errors

    key = str(next(entry["key"] for entry in manifest_entries(backup) if str(entry["key"]).startswith("originals/")))
    (empty.data_dir / key).parent.mkdir(parents=True)
    for directory in ("incoming", "renditions"):
        (empty.data_dir / directory).mkdir()
    (empty.data_dir / key).write_bytes(b"another")
    assert f"{key} exists with other content" in empty.manage("restore", str(backup), status=1).stderr
    assert (empty.data_dir / key).read_bytes() == b"another"


def test_old_snapshots_are_deleted_with_the_files_that_only_they_reference(empty, backup):
    empty.manage("restore", str(backup))
    empty.manage("shell", "-c", "from albums.models import Photo; Photo.objects.first().delete()")

    out = empty.manage("backup", str(backup), "--keep", "1").stdout

    assert (
        "Deleted old snapshots: 1, files: 4." in out
    )  # one original, and the renditions in three sizes, which all photos share
    assert len(stored_files(backup)) == 3
    assert "restores 2 photos" in empty.manage("restore", str(backup), "--drill").stdout


def test_a_backup_into_data_dir_from_nothing_or_without_storage_is_refused(site, empty, tmp_path):
    inside = str(site.data_dir / "backup")
    assert "DIR is inside DATA_DIR" in site.manage("backup", inside, status=1).stderr
    assert "No complete backup" in empty.manage("restore", str(tmp_path / "none"), status=1).stderr
    (site.data_dir / "originals").rename(site.data_dir / "away")
    try:
        assert "The storage is unavailable" in site.manage("backup", str(tmp_path / "backup"), status=1).stderr
    finally:
        (site.data_dir / "away").rename(site.data_dir / "originals")


def test_a_backup_of_a_newer_version_is_refused(empty, backup):
    path = backup / "snapshots" / snapshot_names(backup)[0] / "about.json"
    snapshot_info = json.loads(path.read_text())
    path.write_text(json.dumps(snapshot_info | {"migrations": [*snapshot_info["migrations"], "processing.9999_later"]}))

    assert "The snapshot needs a newer Darkroom" in empty.manage("restore", str(backup), status=1).stderr


@pytest.mark.servers
def test_files_in_a_bucket_are_backed_up_and_restored_onto_the_disk(moto, empty, tmp_path):
    """Losing the bucket does not lose the photos, and a drill needs no bucket."""
    with Installation(tmp_path, QUIET | moto.new_bucket()) as site:
        fill(site)
        assert site.ask("SELECT count(*) FROM albums_photo WHERE original_key LIKE 's3/%'") == [(3,)]
        site.manage("shell", "-c", SAVED_ON_A_PAGE)
        site.manage("backup", str(tmp_path / "backup"), "--renditions")
        assert "Drill passed" in site.manage("restore", str(tmp_path / "backup"), "--drill").stdout

    rejected = empty.manage("restore", str(tmp_path / "backup"), status=1).stderr
    assert "has files in a bucket, but none is configured" in rejected
    empty.manage("restore", str(tmp_path / "backup"), "--onto-disk")
    assert empty.ask("SELECT * FROM processing_bucketconnection") == []
    assert verify(empty) == CLEAN


@pytest.mark.servers
def test_a_postgresql_database_is_backed_up_and_restored(postgresql, tmp_path):
    backup = tmp_path / "backup"
    with Installation(tmp_path / "one", QUIET | {"DATABASE_URL": postgresql.new_database()}) as site:
        fill(site)
        site.manage("backup", str(backup), "--renditions")
        assert "Drill passed" in site.manage("restore", str(backup), "--drill").stdout
        databases = site.ask("SELECT datname FROM pg_database WHERE datname LIKE 'darkroom_drill%'")
        assert databases == []

    target = Installation(tmp_path / "two", QUIET | {"DATABASE_URL": postgresql.new_database()})
    target.manage("migrate", "--verbosity=0")  # empty tables, as after the first start
    target.manage("restore", str(backup))
    assert verify(target) == CLEAN
    assert (
        "doesn't fit the database of DATABASE_URL"
        in Installation(tmp_path / "three").manage("restore", str(backup), status=1).stderr
    )


def corrupt(path: Path) -> None:
    """Change a byte in the middle of the file, without changing its size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
