"""manage.py verify: compares rows with files, and repairs differences where no data is lost."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.template.defaultfilters import filesizeformat

from albums.models import Album, Leftover, Photo, Rendition
from processing.models import Finding, ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from processing.storage import keys as storage_keys
from tests.processing import making

pytestmark = pytest.mark.django_db
CLEAN = {"photos": 1, "missing": [], "corrupt": [], "orphans": []}


@pytest.fixture
def photo(album, django_capture_on_commit_callbacks) -> Photo:
    """A real photo with renditions."""
    making.received(album, making.jpeg((900, 600)))
    with django_capture_on_commit_callbacks(execute=True):
        worker.develop_next()
    return album.photos.get()


def run(*arguments: str) -> tuple[dict[str, object], int, str]:
    """Returns the findings, the exit status and the messages."""
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command("verify", "--json", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return json.loads(out.getvalue()), status, err.getvalue()


def snapshot(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_an_undamaged_installation_is_clean(photo):
    assert run() == (CLEAN, 0, "")


def test_an_empty_installation_is_clean(db):
    assert run() == (CLEAN | {"photos": 0}, 0, "")


@pytest.mark.parametrize("state", JobState)
def test_unfinished_jobs_and_uploads_cause_no_finding(album, state, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = making.job_in(album, state)
        making.upload(album, batch=job.batch)
    Photo.objects.all().delete()

    assert run()[:2] == (CLEAN | {"photos": 0}, 0)


def test_a_missing_original_is_reported(photo, data_dir):
    (data_dir / photo.original_key).unlink()

    assert run()[:2] == (CLEAN | {"missing": [photo.original_key]}, 1)


def test_a_changed_byte_of_an_original_is_reported(photo, data_dir):
    damage(data_dir / photo.original_key)

    assert run()[:2] == (CLEAN | {"corrupt": [photo.original_key]}, 1)


@pytest.mark.parametrize("content", [b"", b"RIFF\x04\x00\x00\x00WEBP", b"x" * 100])
def test_a_rendition_that_is_no_complete_webp_is_reported(photo, data_dir, content):
    rendition = photo.renditions.first()
    (data_dir / rendition.key).write_bytes(content)

    assert run()[:2] == (CLEAN | {"corrupt": [rendition.key]}, 1)


def test_a_missing_raw_file_is_reported(album, data_dir):
    job = making.job_in(album, JobState.FAILED)
    (data_dir / job.raw_path).unlink()

    assert run()[:2] == (CLEAN | {"photos": 0, "missing": [job.raw_path]}, 1)


@pytest.mark.parametrize(
    "key", ["originals/ab/stray.jpg", "renditions/ab/cd/400.webp", "incoming/stray", "incoming/x.work/400.webp"]
)
def test_a_file_without_a_row_is_reported(photo, data_dir, key):
    (data_dir / key).parent.mkdir(parents=True, exist_ok=True)
    (data_dir / key).write_bytes(b"whose is it?")

    assert run()[:2] == (CLEAN | {"orphans": [key]}, 1)


def test_files_with_a_leftover_row_are_not_reported(photo, data_dir):
    Leftover.note(["originals/ab/old.jpg"])
    (data_dir / "originals" / "ab").mkdir(exist_ok=True)
    (data_dir / "originals/ab/old.jpg").write_bytes(b"going")

    assert run()[:2] == (CLEAN, 0)


def test_verify_without_repair_changes_nothing(photo, data_dir):
    damage(data_dir / photo.original_key)
    (data_dir / "incoming" / "stray").write_bytes(b"whose is it?")
    before = snapshot(data_dir)

    run()

    assert snapshot(data_dir) == before


def test_the_default_output_is_text(photo, data_dir):
    (data_dir / "incoming" / "stray").write_bytes(b"whose is it?")
    out = StringIO()

    with pytest.raises(SystemExit, match="1"):
        call_command("verify", stdout=out)

    assert out.getvalue() == "orphan: incoming/stray\n1 photo: database and files don't match.\n"


def test_repair_moves_a_file_without_a_row_to_the_quarantine(photo, data_dir):
    (data_dir / "incoming" / "stray").write_bytes(b"whose is it?")

    findings, status, messages = run("--repair")

    assert (findings, status) == (CLEAN, 0)
    assert (data_dir / "quarantine/incoming/stray").read_bytes() == b"whose is it?"
    assert messages == "Moved incoming/stray to quarantine/incoming/stray.\n"


def test_a_second_stray_file_of_the_same_name_does_not_replace_the_first(photo, data_dir):
    for content in (b"one", b"two"):
        (data_dir / "incoming" / "stray").write_bytes(content)
        run("--repair")

    contents = [path.read_bytes() for path in (data_dir / "quarantine/incoming").iterdir()]
    assert sorted(contents) == [b"one", b"two"]


def test_repair_renders_damaged_renditions_again_under_new_keys(photo, data_dir, django_capture_on_commit_callbacks):
    before = {rendition.edge: rendition for rendition in photo.renditions.all()}
    (data_dir / before[800].key).unlink()

    with django_capture_on_commit_callbacks(execute=True):
        findings, status, messages = run("--repair")

    assert (findings, status) == (CLEAN, 0)
    assert before[800].key in messages
    after = {rendition.edge: rendition for rendition in photo.renditions.all()}
    assert after.keys() == before.keys()
    assert not {rendition.key for rendition in before.values()} & {rendition.key for rendition in after.values()}
    assert all((data_dir / rendition.key).stat().st_size == rendition.bytes for rendition in after.values())
    assert not (data_dir / before[400].key).exists()
    assert Leftover.objects.count() == 0
    assert run() == (CLEAN, 0, "")


def test_a_lost_original_is_restored_from_the_quarantine(photo, data_dir):
    """This happens when a database is restored from a backup, verified with repair, and then brought up to date."""
    content = (data_dir / photo.original_key).read_bytes()
    (data_dir / "quarantine" / "originals").mkdir(parents=True)
    (data_dir / photo.original_key).rename(data_dir / "quarantine/originals/old.jpg")
    (data_dir / "quarantine/originals/other.jpg").write_bytes(b"x" * len(content))

    findings, status, messages = run("--repair")

    assert (findings, status) == (CLEAN, 0)
    assert messages == f"Restored {photo.original_key} from quarantine/originals/old.jpg.\n"
    assert (data_dir / photo.original_key).read_bytes() == content
    assert run("--repair") == (CLEAN, 0, "")


def test_a_lost_original_is_restored_from_its_raw_file(photo, data_dir):
    raw = f"incoming/{photo.job.upload_id}"
    (data_dir / photo.original_key).rename(data_dir / raw)

    findings, status, messages = run("--repair")

    assert (findings, status) == (CLEAN, 0)
    assert messages == f"Restored {photo.original_key} from {raw}.\nMoved {raw} to quarantine/{raw}.\n"


def test_a_lost_original_is_restored_from_the_same_picture_in_another_album(
    photo, owner, data_dir, django_capture_on_commit_callbacks
):
    content = (data_dir / photo.original_key).read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        making.received(Album.objects.create(title="Winter", owner=owner), content)
        worker.develop_next()
    (data_dir / photo.original_key).unlink()

    assert run("--repair")[:2] == (CLEAN | {"photos": 2}, 0)
    assert (data_dir / photo.original_key).read_bytes() == content


def test_a_damaged_original_is_replaced_by_a_good_copy_and_quarantined(photo, data_dir):
    key = photo.original_key
    content = (data_dir / photo.original_key).read_bytes()
    (data_dir / "incoming" / "stray").write_bytes(content)
    (data_dir / photo.original_key).unlink()
    (data_dir / photo.original_key).write_bytes(b"damaged")

    assert run("--repair")[:2] == (CLEAN, 0)
    assert (data_dir / photo.original_key).read_bytes() == content
    assert (data_dir / storage_keys.location(key) / "quarantine" / storage_keys.bare(key)).read_bytes() == b"damaged"


def test_renditions_are_rendered_from_a_restored_original(photo, data_dir, django_capture_on_commit_callbacks):
    (data_dir / "quarantine").mkdir()
    (data_dir / photo.original_key).rename(data_dir / "quarantine" / "old.jpg")
    (data_dir / photo.renditions.first().key).unlink()

    with django_capture_on_commit_callbacks(execute=True):
        assert run("--repair")[:2] == (CLEAN, 0)


def test_the_raw_file_of_a_failed_job_is_restored(album, data_dir):
    job = making.job_in(album, JobState.FAILED)
    (data_dir / "quarantine").mkdir()
    (data_dir / job.raw_path).rename(data_dir / "quarantine" / "raw")

    assert run("--repair")[:2] == (CLEAN | {"photos": 0}, 0)
    assert (data_dir / job.raw_path).exists()


def test_a_file_with_only_the_same_size_is_not_used_as_a_copy(photo, data_dir):
    size = (data_dir / photo.original_key).stat().st_size
    (data_dir / photo.original_key).unlink()
    (data_dir / "quarantine").mkdir()
    (data_dir / "quarantine" / "impostor.jpg").write_bytes(b"x" * size)

    assert run("--repair")[:2] == (CLEAN | {"missing": [photo.original_key]}, 1)


def test_a_finding_is_stored_until_it_is_resolved(photo, data_dir):
    path = data_dir / photo.original_key
    content = path.read_bytes()
    path.unlink()
    run()
    assert list(Finding.objects.values_list("key", "problem", "photo")) == [(photo.original_key, "missing", photo.pk)]

    path.write_bytes(content)
    run()
    assert Finding.objects.count() == 0


def test_progress_is_printed_with_the_option_progress(photo):
    total = filesizeformat(photo.original_bytes + sum(rendition.bytes for rendition in photo.renditions.all()))

    assert run("--progress")[2].splitlines()[-1] == f"Read {total} of {total} (100%)"


def test_on_a_terminal_progress_overwrites_one_line(photo):
    err = StringIO()
    err.isatty = lambda: True

    call_command("verify", stdout=StringIO(), stderr=err, no_color=True)

    assert err.getvalue().count("\n") == 1
    assert "(100%)" in err.getvalue().rsplit("\r", 1)[1]


def test_an_interrupted_run_prints_a_message(photo, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("processing.integrity.file_check.problem", interrupt)
    err = StringIO()

    with pytest.raises(SystemExit, match="130"):
        call_command("verify", stdout=StringIO(), stderr=err)

    assert "Interrupted" in err.getvalue()


def test_repair_never_touches_an_original(photo, data_dir):
    damage(data_dir / photo.original_key)
    original = (data_dir / photo.original_key).read_bytes()
    rendition = photo.renditions.first()
    (data_dir / rendition.key).unlink()

    findings, status, messages = run("--repair")

    assert (findings, status) == (CLEAN | {"missing": [rendition.key], "corrupt": [photo.original_key]}, 1)
    assert "its original is damaged too" in messages
    assert (data_dir / photo.original_key).read_bytes() == original


def test_a_photo_that_cannot_be_rendered_again_keeps_its_rows(photo, data_dir, settings):
    settings.MAX_JPEG_PIXELS = 1
    shared_sandbox.sandbox().close()
    shared_sandbox.sandbox.cache_clear()
    rendition = photo.renditions.first()
    (data_dir / rendition.key).unlink()

    findings, status, messages = run("--repair")

    assert (findings["missing"], status) == ([rendition.key], 1)
    assert "can't make its renditions again" in messages
    assert Rendition.objects.filter(photo=photo).count() == 3


def test_a_second_repair_changes_nothing(photo, data_dir, django_capture_on_commit_callbacks):
    (data_dir / photo.renditions.first().key).unlink()
    with django_capture_on_commit_callbacks(execute=True):
        run("--repair")
    before = snapshot(data_dir)

    assert run("--repair") == (CLEAN, 0, "")
    assert snapshot(data_dir) == before


def test_repair_keeps_the_raw_file_of_a_failed_job(album, data_dir):
    job = making.job_in(album, JobState.FAILED)

    run("--repair")

    assert (data_dir / ProcessingJob.objects.get(pk=job.pk).raw_path).exists()


def test_all_photos_are_checked_if_there_is_more_than_one_batch(album, data_dir, monkeypatch):
    monkeypatch.setattr("processing.lib.iteration.BATCH_SIZE", 2)
    for _ in range(5):
        job = making.job_in(album, JobState.COMPLETED)
    shutil.rmtree(data_dir / "originals")

    findings = run()[0]

    assert findings["photos"] == 5
    assert len(findings["missing"]) == 5
    assert job.album == album


def test_the_help_describes_the_options(capsys):
    with pytest.raises(SystemExit, match="0"):
        call_command("verify", "--help")

    assert "--repair" in capsys.readouterr().out
