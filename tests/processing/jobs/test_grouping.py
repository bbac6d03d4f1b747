"""Files of a batch that belong together: photo and sidecar, RAW and JPEG, still and Live video; in any order."""

import hashlib
from datetime import UTC, datetime
from io import BytesIO, StringIO
from itertools import permutations

import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from albums import operations, removal, trash
from albums.models import Album, Companion, Leftover, Photo
from albums.selection import Selection
from processing import jobs
from processing.integrity import consistency, findings, post_write, scrub
from processing.jobs import grouping, name_matching
from processing.models import Batch, Finding, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.queries import album_report, batch_outcome, file_status
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.rendering import worker
from processing.storage import locations
from processing.uploads import batches, lifecycle
from tests import stack
from tests.pipeline import raws
from tests.processing import making

pytestmark = pytest.mark.django_db

TAKEN = "2024:05:01 10:00:00"
MOV = b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 400


def jpeg(taken: str = "", title: str = "", number: int = 0, form: str = "JPEG") -> bytes:
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    if title:
        exif[0x9C9B] = (title + "\0").encode("utf-16-le")
    file = BytesIO()
    Image.new("RGB", (500, 400), (200, 120, number)).save(file, form, exif=exif.tobytes())
    return file.getvalue()


def sidecar(title: str = "Evening", **properties: str) -> bytes:
    attributes = "".join(f' {name.replace("_", ":")}="{value}"' for name, value in properties.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f'xmlns:exif="http://ns.adobe.com/exif/1.0/"{attributes}>'
        f"<dc:title><rdf:Alt><rdf:li>{title}</rdf:li></rdf:Alt></dc:title>"
        "<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.fixture
def dng(tmp_path) -> bytes:
    return raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()


def send(album, files: list[tuple[str, bytes]], *, develop_each: bool = False) -> Batch:
    """Receives the files as one batch, in this order, and develops them after each file, or after the last one."""
    batch = making.upload(album, "first.txt").batch
    lifecycle.cancel(batch.uploads.get(), "cancelled", "Only to open the batch.")
    Upload.objects.filter(batch=batch).delete()
    for name, content in files:
        making.received(album, content, name=name, batch=batch)
        if develop_each:
            develop()
    develop()
    return batch


def develop() -> None:
    """Develops all pending jobs, including postponed ones."""
    for _ in range(10):
        while worker.develop_next():
            pass
        ProcessingJob.objects.filter(state=JobState.PENDING).update(run_after=timezone.now())
    assert not ProcessingJob.objects.active().exists()


def verify_files() -> None:
    while post_write.verify_next():
        pass


def file_statuses(batch: Batch) -> dict[str, FileStatus]:
    return {line.name: line.status for line in receipt_query.lines(file_status.files(batch))}


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_1.JPG", "img_1"),
        ("IMG_1.xmp", "img_1"),
        ("IMG_1.CR2.xmp", "img_1"),
        ("IMG_1.jpg.XMP", "img_1"),
        ("IMG_1_HEVC.MOV", "img_1"),
        ("IMG_1_hevc.mov.xmp", "img_1_hevc"),
        ("IMG_1_HEVC.JPG", "img_1_hevc"),
        ("holiday.2024.jpg", "holiday.2024"),
        ("holiday.2024.xmp", "holiday.2024"),
        ("no ending", "no ending"),
        (".xmp", ""),
    ],
)
def test_names_that_belong_together_have_the_same_stem(name, expected):
    assert name_matching.stem(name) == expected


@pytest.mark.parametrize("develop_each", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("name", ["IMG_1.xmp", "IMG_1.JPG.xmp", "img_1.XMP"])
def test_the_values_of_a_sidecar_apply_to_its_photo_in_either_order(album, data_dir, name, order, develop_each):
    files = [("IMG_1.JPG", jpeg(TAKEN, "From the camera")), (name, sidecar())]

    batch = send(album, [files[index] for index in order], develop_each=develop_each)

    photo, companion = album.photos.get(), Companion.objects.get()
    assert (photo.title, photo.keywords, photo.taken_from) == ("Evening", ["sea"], "exif")
    assert (companion.photo, companion.kind, companion.name) == (photo, Companion.Kind.SIDECAR, name)
    assert (data_dir / companion.key).read_bytes() == sidecar()
    assert set(ProcessingJob.objects.values_list("state", flat=True)) == {JobState.COMPLETED}
    assert Leftover.objects.exclude(key__contains="incoming/").count() == 0
    assert (album_report.build(album).added, album_report.build(album).kept) == (1, 1)
    assert str(batch_outcome.build(batch)) == "2 files: 1 photo, 1 related file, 0 queued"


def test_a_sidecar_adds_time_and_place_only_to_a_photo_without_them(album):
    properties = {
        "exif_DateTimeOriginal": "2020-02-03T04:05:06",
        "exif_GPSLatitude": "51,30.0N",
        "exif_GPSLongitude": "0,30.0W",
    }
    files = [
        ("A.JPG", jpeg()),
        ("A.xmp", sidecar(**properties)),
        ("B.JPG", jpeg(TAKEN)),
        ("B.xmp", sidecar(xmp_Rating="4", **properties)),
    ]
    send(album, files)

    undated, dated = album.photos.order_by("name")
    assert (undated.taken_at, undated.taken_from) == (datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC), "xmp")
    assert (undated.latitude, undated.longitude) == (51.5, -0.5)
    assert (dated.taken_at, dated.taken_from, dated.rating) == (datetime(2024, 5, 1, 10, tzinfo=UTC), "exif", 4)


def test_a_sidecar_adds_the_lens_only_to_a_photo_without_one(album):
    sidecar_with_lens = sidecar().replace(
        b"<rdf:Description ", b"<rdf:Description xmlns:aux='http://ns.adobe.com/exif/1.0/aux/' aux:Lens='EF50mm' "
    )
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA434] = "RF35mm"
    file = BytesIO()
    Image.new("RGB", (500, 400)).save(file, "JPEG", exif=exif.tobytes())

    send(
        album,
        [("A.JPG", jpeg()), ("A.xmp", sidecar_with_lens), ("B.JPG", file.getvalue()), ("B.xmp", sidecar_with_lens)],
    )

    assert [photo.lens for photo in album.photos.order_by("name")] == ["EF50mm", "RF35mm"]


def test_a_sidecars_date_does_not_replace_a_time_on_the_same_day(album):
    properties = {"exif_DateTimeOriginal": "2024-01-31"}
    files = [
        ("IMG_20240131_142233.JPG", jpeg()),
        ("IMG_20240131_142233.xmp", sidecar(**properties)),
        ("IMG_20200101_142233.JPG", jpeg(number=90)),
        ("IMG_20200101_142233.xmp", sidecar(**properties)),
    ]
    send(album, files)

    other_day, same_day = album.photos.order_by("name")
    assert (same_day.taken_at, same_day.taken_from) == (datetime(2024, 1, 31, 14, 22, 33, tzinfo=UTC), "name")
    assert (other_day.taken_at, other_day.taken_from) == (datetime(2024, 1, 31, tzinfo=UTC), "xmp")


def test_a_sidecar_for_one_extension_does_not_apply_to_another(album):
    send(album, [("IMG_1.JPG", jpeg(title="Own")), ("IMG_1.CR2.xmp", sidecar())])

    assert album.photos.get().title == "Own"
    assert Companion.objects.get().photo is None


def test_a_sidecar_applies_to_neither_of_two_photos_with_the_same_name(album):
    files = [("IMG_1.JPG", jpeg(number=1)), ("IMG_1.JPG", jpeg(number=2)), ("IMG_1.xmp", sidecar())]

    for order in permutations(files):
        Batch.objects.all().delete()
        removal.delete_photos(album.photos.all())
        Companion.objects.all().delete()
        batch = making.upload(album, "x").batch
        lifecycle.cancel(batch.uploads.get(), "cancelled", "Only to open the batch.")
        for name, content in order:
            making.received(album, content, name=name, batch=batch)
        develop()
        assert [photo.title for photo in album.photos.all()] == ["", ""]


def test_identical_sidecars_of_two_photos_are_both_stored(album):
    send(album, [("A.JPG", jpeg(number=1)), ("A.xmp", sidecar()), ("B.JPG", jpeg(number=2)), ("B.xmp", sidecar())])

    assert [photo.title for photo in album.photos.all()] == ["Evening", "Evening"]
    assert Companion.objects.exclude(photo=None).count() == 2


def test_a_sidecar_of_another_batch_does_not_apply(album):
    send(album, [("IMG_1.JPG", jpeg(title="Own"))])
    send(album, [("IMG_1.xmp", sidecar())])

    assert album.photos.get().title == "Own"


def test_a_sidecar_without_a_photo_is_explained_and_verified(album, client, owner):
    batch = send(album, [("IMG_1.xmp", sidecar())])

    assert file_statuses(batch) == {"IMG_1.xmp": FileStatus.CHECKING}
    verify_files()
    (line,) = receipt_query.lines(file_status.files(batch))
    assert (line.status, line.photo, line.code, line.note) == (FileStatus.VERIFIED, None, "", grouping.NO_PHOTO_NOTE)
    assert album_report.build(album).noted == 1
    client.force_login(owner)
    companion = Companion.objects.get()
    assert companion.get_absolute_url() in client.get(f"/batches/{batch.pk}/").content.decode()
    content, headers = stack.delivered(client.get(companion.get_absolute_url()))
    assert (content, headers["Content-Type"]) == (sidecar(), "application/octet-stream")
    assert 'filename="IMG_1.xmp"' in headers["Content-Disposition"]


def test_a_receipt_counts_a_sidecar_only_after_the_sidecar_itself_is_verified(album, data_dir):
    batch = send(album, [("IMG_1.JPG", jpeg()), ("IMG_1.xmp", sidecar())])
    photo, companion = album.photos.get(), Companion.objects.get()
    assert file_statuses(batch) == {"IMG_1.JPG": FileStatus.CHECKING, "IMG_1.xmp": FileStatus.CHECKING}

    (data_dir / companion.key).write_bytes(b"rot")
    verify_files()
    photo.refresh_from_db()
    assert file_statuses(batch) == {"IMG_1.JPG": FileStatus.VERIFIED, "IMG_1.xmp": FileStatus.DAMAGED}
    assert not receipt_query.build(batch).is_safe
    assert Finding.objects.get().companion == companion

    (data_dir / companion.key).write_bytes(sidecar())
    findings.settle({})
    assert file_statuses(batch)["IMG_1.xmp"] == FileStatus.CHECKING
    assert scrub.step() == 1
    assert receipt_query.build(batch).summary == "All 2 files are stored and verified: safe to format the card."


def test_files_that_are_sent_again_are_duplicates_and_the_receipt_is_safe(album):
    files = [("IMG_1.JPG", jpeg()), ("IMG_1.xmp", sidecar())]
    send(album, files)
    verify_files()

    second_batch = send(album, files)

    assert Companion.objects.count() == 1
    assert {upload.code for upload in second_batch.uploads.all()} == {"duplicate"}
    assert receipt_query.build(second_batch).is_safe


def test_verify_reports_a_missing_companion_and_repair_restores_it(album, data_dir, stored):
    send(album, [("IMG_1.JPG", jpeg()), ("IMG_1.xmp", sidecar())])
    companion = Companion.objects.get()
    assert consistency.verify().is_clean

    for raw in (stored / "incoming").iterdir():
        raw.unlink()
    (data_dir / companion.key).rename(stored / "originals/copy.xmp")
    assert consistency.verify().missing == [companion.key]
    output = StringIO()
    call_command("verify", "--repair", stdout=output, stderr=output)

    assert f"Restored {companion.key} from {locations.for_new()}originals/copy.xmp." in output.getvalue()
    assert (data_dir / companion.key).read_bytes() == sidecar()
    assert consistency.verify().is_clean


def test_companions_are_deleted_with_their_photo_and_not_before(album, data_dir, django_capture_on_commit_callbacks):
    batch = send(album, [("IMG_1.JPG", jpeg()), ("IMG_1.xmp", sidecar())])
    photo, path = album.photos.get(), data_dir / Companion.objects.get().key
    trash.move_to_trash(photo)
    assert set(file_statuses(batch).values()) == {FileStatus.TRASHED}
    assert path.exists()

    with django_capture_on_commit_callbacks(execute=True):
        trash.remove(photo)

    assert (Companion.objects.count(), path.exists()) == (0, False)
    assert set(file_statuses(batch).values()) == {FileStatus.GONE}


def test_a_sidecar_without_a_photo_is_deleted_with_its_batch_or_its_album(
    album, data_dir, django_capture_on_commit_callbacks
):
    for delete in (lambda batch: batches.delete(batch, "anna"), lambda batch: removal.delete_album(batch.album)):
        batch = send(album, [("IMG_1.xmp", sidecar())])
        path = data_dir / Companion.objects.get().key
        with django_capture_on_commit_callbacks(execute=True):
            delete(batch)

        assert (Companion.objects.count(), path.exists()) == (0, False)


@pytest.mark.parametrize("develop_each", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_raw_and_its_jpeg_are_shown_as_one_photo_in_any_order(album, data_dir, dng, order, develop_each):
    files = [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg("2024:05:01 10:00:01")), ("IMG_1.DNG.xmp", sidecar())]

    batch = send(album, [files[index] for index in order], develop_each=develop_each)

    jpeg_photo = album.photos.shown().get()
    assert (jpeg_photo.name, jpeg_photo.title, jpeg_photo.marks) == ("IMG_1.JPG", "Evening", ["RAW"])
    raw_photo = jpeg_photo.halves.get()
    assert (raw_photo.name, raw_photo.title) == ("IMG_1.DNG", "Evening")
    assert (data_dir / raw_photo.original_key).read_bytes() == dng
    assert Companion.objects.get().photo == jpeg_photo
    assert (album_report.build(album).added, album_report.build(album).kept) == (1, 2)
    verify_files()
    assert receipt_query.build(batch).is_safe


@pytest.mark.parametrize("taken", ["2024:05:01 10:00:09", ""])
def test_a_jpeg_without_the_time_of_its_raw_is_a_separate_photo(album, dng, taken):
    send(album, [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg(taken))])

    assert album.photos.shown().count() == 2


def test_a_raw_and_a_jpeg_of_different_batches_are_separate_photos(album, dng):
    send(album, [("IMG_1.DNG", dng)])
    send(album, [("IMG_1.JPG", jpeg(TAKEN))])

    assert album.photos.shown().count() == 2


def test_a_raw_and_its_jpeg_are_trashed_restored_and_deleted_together(
    album, data_dir, dng, django_capture_on_commit_callbacks
):
    batch = send(album, [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg(TAKEN))])
    photo = album.photos.shown().get()

    trash.move_to_trash(photo)
    assert (album.photos.trashed().count(), album.photos.trashed().leading().count()) == (2, 1)
    assert trash.restore_all(album) == 1
    assert album.photos.trashed().count() == 0
    trash.move_to_trash(photo.halves.get())
    assert album.photos.shown().count() == 0
    assert making.received(album, dng, name="IMG_1.DNG") is None  # sending it again restores it
    assert album.photos.shown().get() == photo

    trash.move_to_trash(photo)
    with django_capture_on_commit_callbacks(execute=True):
        assert trash.empty(album) == 1
    assert Photo.objects.count() == 0
    assert consistency.verify().is_clean
    assert [path for path in (data_dir / "originals").rglob("*") if path.is_file()] == []
    assert set(file_statuses(batch).values()) == {FileStatus.GONE}


@pytest.mark.parametrize("develop_each", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_live_video_is_stored_with_its_still_in_either_order(album, data_dir, order, develop_each):
    files = [("IMG_1.JPG", jpeg(TAKEN)), ("IMG_1.MOV", MOV)]

    batch = send(album, [files[index] for index in order], develop_each=develop_each)

    photo, companion = album.photos.get(), Companion.objects.get()
    assert (companion.photo, companion.kind, photo.marks) == (photo, Companion.Kind.MOTION, ["Live"])
    assert (data_dir / companion.key).read_bytes() == MOV
    assert ProcessingJob.objects.failed().count() == 0
    verify_files()
    assert receipt_query.build(batch).is_safe


def test_a_live_video_waits_for_its_still_without_using_an_attempt(album):
    batch = making.upload(album, "IMG_1.HEIC").batch
    making.received(album, MOV, name="IMG_1.MOV", batch=batch)

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.PENDING, "still-to-come", 0)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_live_video_follows_a_still_that_was_moved_to_another_album(album, owner, is_known):
    batch = send(album, [("IMG_1.JPG", jpeg(TAKEN)), ("IMG_1.xmp", sidecar())])
    target = Album.objects.create(title="Rome", owner=owner)
    still = album.photos.get()
    operations.start(owner, "move", {"album": target.pk, "known": 0}, Selection((still.pk,)))
    if is_known:
        sha256 = hashlib.sha256(MOV).hexdigest()
        Companion.objects.create(album=target, kind="motion", name="IMG_1.MOV", key="x", bytes=1, sha256=sha256)

    making.received(album, MOV, name="IMG_1.MOV", batch=batch)
    develop()

    assert ProcessingJob.objects.failed().count() == 0
    video = Companion.objects.get(kind=Companion.Kind.MOTION, job__isnull=False)
    assert (video.photo, video.album) == ((None, album) if is_known else (still, target))
    assert Companion.objects.get(kind=Companion.Kind.SIDECAR).photo == still
    verify_files()
    assert is_known or consistency.verify().is_clean


@pytest.mark.parametrize(
    "other_files", [[], [("IMG_2.JPG", jpeg())], [("IMG_1.MP4", MOV + b"other")], [("IMG_1.xmp", sidecar())]]
)
def test_a_video_without_a_still_is_rejected(album, other_files):
    send(album, [("IMG_1.MOV", MOV), *other_files])

    job = ProcessingJob.objects.get(original_filename="IMG_1.MOV")
    assert (job.state, job.error_code) == (JobState.FAILED, "unsupported-video")
    assert Companion.objects.filter(kind=Companion.Kind.MOTION).count() == 0


def test_a_video_whose_still_is_deleted_before_it_is_stored_is_rejected(album, monkeypatch):
    batch = send(album, [("IMG_1.JPG", jpeg())])
    making.received(album, MOV, name="IMG_1.MOV", batch=batch)
    store = worker._store

    def store_too_late(*args):
        removal.delete_photos(album.photos.all())
        store(*args)

    monkeypatch.setattr(worker, "_store", store_too_late)
    worker.develop_next()

    job = ProcessingJob.objects.get(original_filename="IMG_1.MOV")
    assert (job.state, job.error_code) == (JobState.FAILED, "unsupported-video")
    assert Companion.objects.count() == 0


def test_a_worker_that_lost_its_claim_stores_no_companion(album, data_dir):
    making.received(album, sidecar(), name="IMG_1.xmp")
    job = jobs.claim_next("tester")
    companion = Companion(
        album=album, kind="sidecar", name="IMG_1.xmp", key="originals/x.xmp", bytes=1, sha256="f" * 64
    )
    jobs.release(job)

    with pytest.raises(jobs.ClaimLost):
        jobs.complete_companion(job, companion)

    assert Companion.objects.count() == 0


def test_linking_a_group_again_changes_nothing(album, dng):
    batch = send(album, [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg(TAKEN)), ("IMG_1.xmp", sidecar()), ("IMG_1.MOV", MOV)])
    before = [list(model.objects.order_by("pk").values()) for model in (Photo, Companion)]

    for job in batch.jobs.all():
        grouping.link_group(job)

    assert [list(model.objects.order_by("pk").values()) for model in (Photo, Companion)] == before
    assert Upload.objects.filter(state=UploadState.RECEIVED).count() == 4
