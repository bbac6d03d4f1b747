"""manage.py import_photos: local files are received like uploads."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from albums.models import Album
from processing import jobs
from processing.jobs import workers
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.rendering import worker
from processing.uploads import batches, importer, lifecycle
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with three photos, one of them nested deeply, and a hidden folder with a fourth."""
    root = tmp_path / "card"
    (root / "DCIM" / "100").mkdir(parents=True)
    (root / ".Trash").mkdir()
    for name in ("b.jpg", "DCIM/100/a.jpg", "DCIM/c.jpg", ".Trash/old.jpg"):
        (root / name).write_bytes(making.jpeg())
    return root


def run(*arguments: object, **options: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_photos", *map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


SKIPPED = "; 1 companion file skipped\n"
"""The file in the hidden folder."""


def names() -> list[str]:
    return list(ProcessingJob.objects.order_by("pk").values_list("original_filename", flat=True))


def test_folders_are_imported_recursively_in_order_without_hidden_folders(album, folder):
    out, err = run(album.pk, folder)

    assert names() == ["b.jpg", "a.jpg", "c.jpg"]
    assert (out, err) == (f"3 files: 0 photos, 3 queued{SKIPPED}", "")
    assert [batch.source for batch in album.batches.all()] == [Batch.Source.IMPORT]


def test_files_are_copied_byte_for_byte(album, folder, data_dir):
    content = (folder / "b.jpg").read_bytes()

    run(album.pk, folder / "b.jpg")

    assert (data_dir / ProcessingJob.objects.get().raw_path).read_bytes() == content
    assert (folder / "b.jpg").read_bytes() == content


def test_an_album_may_be_given_by_its_title(album, folder):
    run("Summer", folder)

    assert album.jobs.count() == 3


def test_an_id_has_precedence_over_a_title_of_the_same_digits(album, folder):
    Album.objects.create(title=str(album.pk))

    run(album.pk, folder)

    assert album.jobs.count() == 3


def test_an_ambiguous_title_is_rejected_with_the_ids_of_the_albums(album, folder):
    second_album = Album.objects.create(title="Summer")

    with pytest.raises(CommandError, match=f"{second_album.pk}, {album.pk}"):
        run("Summer", folder)


def test_an_unknown_album_is_rejected(db, folder):
    with pytest.raises(CommandError, match="--create"):
        run("Winter", folder)

    assert Album.objects.count() == 0


def test_an_unknown_album_is_created_with_the_option_create(owner, folder):
    run("Winter", folder, create=True, user="owner")

    album = Album.objects.get()
    assert (album.title, album.owner, album.jobs.count()) == ("Winter", owner, 3)
    assert album.batches.get().opened_by == owner


def test_an_unknown_user_is_rejected(album, folder):
    with pytest.raises(CommandError, match="No user is called nobody"):
        run(album.pk, folder, user="nobody")


def test_a_missing_path_is_rejected_before_any_file_is_imported(album, folder):
    with pytest.raises(CommandError, match="nowhere"):
        run(album.pk, folder, folder / "nowhere")

    assert Upload.objects.count() == 0


def test_a_folder_without_files_is_rejected(album, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(CommandError, match="No files"):
        run(album.pk, tmp_path / "empty")


def test_a_path_that_is_neither_file_nor_folder_is_rejected(album, tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(CommandError, match="Neither"):
        run(album.pk, tmp_path / "pipe")


def test_a_busy_album_is_rejected_with_an_explanation(album, folder):
    making.upload(album)

    with pytest.raises(CommandError, match="another upload in progress"):
        run(album.pk, folder)


def test_a_rejected_file_is_reported_and_the_other_files_are_imported(album, folder):
    (folder / "a.jpg").write_bytes(b"")

    with pytest.raises(CommandError, match="1 file not imported"):
        run(album.pk, folder)

    assert names() == ["b.jpg", "a.jpg", "c.jpg"]
    assert Upload.objects.get(state=UploadState.REJECTED).code == "empty-file"


def test_a_file_that_vanishes_is_rejected_and_the_other_files_are_imported(album, folder):
    paths = [importer.ImportFile(folder / "gone.jpg"), importer.ImportFile(folder / "b.jpg")]

    uploads_of_import = list(importer.Importer(album).run(paths))

    assert [(upload.name, upload.state, upload.code) for upload in uploads_of_import] == [
        ("gone.jpg", UploadState.REJECTED, "unreadable"),
        ("b.jpg", UploadState.RECEIVED, ""),
    ]
    assert uploads_of_import[0].message == "The file could not be read: No such file or directory."


def test_the_number_of_files_is_not_limited(album, folder, settings):
    settings.MAX_BATCH_FILES = 1

    run(album.pk, folder)

    assert album.jobs.count() == 3


def test_the_size_of_a_file_is_limited(album, folder, settings, data_dir):
    settings.MAX_FILE_BYTES = 10

    with pytest.raises(CommandError):
        run(album.pk, folder / "b.jpg")

    assert Upload.objects.get().code == "too-large"
    assert list((data_dir / "incoming").iterdir()) == []


def test_the_album_is_busy_from_the_first_file_to_the_last(album, folder):
    photo_importer = importer.Importer(album)
    for _ in photo_importer.run([importer.ImportFile(folder / "b.jpg"), importer.ImportFile(folder / "DCIM/c.jpg")]):
        job = jobs.claim_next("tester")
        jobs.complete(job, making.photo(album, job), [])
        running_batch = batches.running_in(album)
        if Upload.objects.receiving().exists():
            assert running_batch == photo_importer.batch

    assert batches.running_in(album) is None


def test_an_import_ends_when_its_batch_is_cancelled(album, folder):
    states = []
    for upload in importer.Importer(album).run(importer.walk([folder / "DCIM"])):
        states.append(upload.state)
        batches.cancel(album, "owner")

    assert states == [UploadState.RECEIVED, UploadState.CANCELLED]
    assert batches.running_in(album) is None


def test_an_interrupted_import_does_not_lock_the_album(album, folder):
    import_run = importer.Importer(album).run(importer.walk([folder]))
    next(import_run)
    import_run.close()

    assert Upload.objects.receiving().count() == 0
    assert Upload.objects.get(state=UploadState.REJECTED).code == "stopped"


def test_a_link_to_a_folder_is_not_followed(album, folder):
    (folder / "DCIM" / "again").symlink_to(folder)

    assert len([file for file in importer.walk([folder]) if not file.skipped]) == 3


def test_files_are_imported_in_the_sort_order_of_the_page(album, tmp_path):
    sorted_names = ["_1.jpg", "miró1.jpg", "Miro2.jpg", "miro3.jpg", "Miró10.jpg", "Zoë.jpg", "Ångström/1.jpg"]
    (tmp_path / "Ångström").mkdir()
    for name in reversed(sorted_names):
        (tmp_path / name).write_bytes(making.jpeg())

    run(album.pk, tmp_path)

    assert names() == ["_1.jpg", "1.jpg", "miró1.jpg", "Miro2.jpg", "miro3.jpg", "Miró10.jpg", "Zoë.jpg"]


def test_companion_files_are_skipped_and_the_import_succeeds(album, folder):
    junk = {
        "._b.jpg": b"\0\5\x16\7",
        ".DS_Store": b"Bud1",
        "IMG_1.AAE": b"<plist/>",
        "GX01.THM": making.jpeg(),
        ".nomedia": b"",
    }
    for name, content in junk.items():
        (folder / name).write_bytes(content)

    out, err = run(album.pk, folder)

    assert (out, err) == ("3 files: 0 photos, 3 queued; 6 companion files skipped\n", "")
    skipped = Upload.objects.filter(state=UploadState.SKIPPED)
    assert set(skipped.values_list("name", "code")) == {(name, "companion-file") for name in (*junk, "old.jpg")}


def test_a_photo_with_the_name_of_a_companion_file_is_imported(album, folder):
    (folder / "._b.jpg").write_bytes(making.jpeg())
    (folder / "GX01.LRV").write_bytes(making.jpeg())

    run(album.pk, folder)

    assert set(names()) == {"._b.jpg", "GX01.LRV", "a.jpg", "b.jpg", "c.jpg"}


def test_a_hidden_file_is_reported_and_imported_only_if_it_is_given_itself(album, folder):
    (folder / ".hidden.jpg").write_bytes(making.jpeg())
    err = StringIO()

    with pytest.raises(CommandError, match="1 file not imported"):
        call_command("import_photos", str(album.pk), str(folder), stdout=StringIO(), stderr=err)

    assert err.getvalue().startswith(".hidden.jpg: Skipped: hidden")
    assert Upload.objects.get(name=".hidden.jpg").code == "hidden"
    ProcessingJob.objects.all().delete()

    run(album.pk, folder / ".hidden.jpg")

    assert names() == [".hidden.jpg"]


def test_control_characters_in_a_name_are_removed(album, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\x1b[31m.jpg")
    path.write_bytes(making.jpeg())

    run(album.pk, path)

    assert names() == ["\xff[31m.jpg"]  # the byte decoded as in Windows


class TestWaiting:
    """Waiting: instead of sleeping, the command runs the real worker."""

    @pytest.fixture(autouse=True)
    def worker_runs(self, monkeypatch, db):
        time = SimpleNamespace(sleep=lambda _: worker.develop_next())
        monkeypatch.setattr("processing.management.commands.import_photos.time", time)

    @pytest.fixture
    def live_worker(self, monkeypatch):
        monkeypatch.setattr(workers, "ALIVE_SECONDS", 3600)
        workers.heartbeat("tester")

    def test_an_import_succeeds_when_all_files_become_photos(self, album, folder, live_worker):
        out, err = run(album.pk, folder, wait=True)

        assert (out, err) == (f"3 files: 3 photos, 0 queued{SKIPPED}", "")
        assert album.photos.count() == 3

    def test_the_end_of_a_batch_without_any_job_is_recorded_too(self, album, folder, live_worker):
        run(album.pk, folder, wait=True)
        run(album.pk, folder, wait=True)

        assert Batch.objects.filter(jobs=None).count() == 1
        assert not Batch.objects.filter(finished_at=None).exists()

    def test_a_file_that_the_album_has_already_counts_as_a_photo(self, album, folder, live_worker):
        run(album.pk, folder, wait=True)

        out, _ = run(album.pk, folder, wait=True)

        assert out == f"3 files: 3 photos, 0 queued{SKIPPED}"
        assert album.photos.count() == 3

    def test_the_same_picture_twice_in_one_import_counts_as_a_photo(self, album, folder, live_worker):
        (folder / "b2.jpg").write_bytes((folder / "b.jpg").read_bytes())

        run(album.pk, folder, wait=True)

        assert album.photos.count() == 3

    def test_a_file_that_is_no_picture_is_reported_as_a_failure(self, album, folder, live_worker, capsys):
        (folder / "notes.txt").write_text("this is no picture at all")
        err = StringIO()

        with pytest.raises(CommandError, match="1 file not"):
            call_command("import_photos", str(album.pk), str(folder), wait=True, stdout=StringIO(), stderr=err)

        assert err.getvalue().startswith("notes.txt: This file is not an image")
        assert ProcessingJob.objects.filter(state=JobState.COMPLETED).count() == 3

    def test_a_missing_worker_causes_a_warning(self, album, folder):
        _, err = run(album.pk, folder, wait=True)

        assert "no worker is running" in err


def test_the_help_describes_the_arguments(capsys):
    with pytest.raises(SystemExit, match="0"):
        call_command("import_photos", "--help")

    assert "ALBUM" in capsys.readouterr().out


def test_uploads_of_a_running_import_do_not_expire(album, folder, monkeypatch):
    monkeypatch.setattr(lifecycle, "touch_seconds", lambda: -1)
    upload = making.upload(album)
    expiry = upload.expires_at - timedelta(minutes=5)
    Upload.objects.update(expires_at=expiry)
    photo_importer = importer.Importer(album)
    photo_importer.batch = upload.batch

    list(photo_importer.run([importer.ImportFile(folder / "b.jpg")]))

    assert Upload.objects.get(pk=upload.pk).expires_at > expiry
