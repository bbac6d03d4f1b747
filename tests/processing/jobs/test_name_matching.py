"""Files of one name in several folders, and files that the album has already: each goes with those that it lay beside."""

import base64

import pytest
from django.core.management import call_command

from albums import trash
from albums.models import Companion
from processing.integrity import post_write
from processing.jobs import grouping, name_matching
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import album_progress, batch_outcome, file_status
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.uploads import batches, filenames
from processing.uploads.tus import protocol
from tests.pipeline import raws
from tests.processing.jobs.test_grouping import MOV, TAKEN, develop, jpeg, prove, send, sidecar, standing_of
from tests.processing.jobs.test_takeout_names import takeout_json

pytestmark = pytest.mark.django_db

ORDERS = pytest.mark.parametrize("is_reversed", [False, True])
BETWEEN = pytest.mark.parametrize("between", [False, True])
CARD = [
    ("DCIM/100APPLE/IMG_1.JPG", jpeg(number=1)),
    ("DCIM/100APPLE/IMG_1.MOV", MOV + b"one"),
    ("DCIM/100APPLE/IMG_1.xmp", sidecar("One")),
    ("DCIM/101APPLE/IMG_1.JPG", jpeg(number=2)),
    ("DCIM/101APPLE/IMG_1.MOV", MOV + b"two"),
    ("DCIM/101APPLE/IMG_1.xmp", sidecar("Two")),
]


def belongings(album) -> dict[str, set[str]]:
    """The folder's number of each companion, by that of the photo that has it."""
    found: dict[str, set[str]] = {}
    for companion in Companion.objects.filter(album=album):
        upload = Upload.objects.filter(job__companion=companion).get()
        photo = companion.photo and Upload.objects.filter(job__photo=companion.photo).get()
        found.setdefault(photo.folder if photo else "", set()).add(f"{upload.folder}/{companion.kind}")
    return found


@ORDERS
@BETWEEN
def test_files_of_one_name_go_with_those_of_their_own_folder(album, is_reversed, between):
    batch = send(album, CARD[::-1] if is_reversed else CARD, between=between)

    assert {photo.title for photo in album.photos.all()} == {"One", "Two"}
    assert belongings(album) == {
        folder: {f"{folder}/motion", f"{folder}/sidecar"} for folder in ("DCIM/100APPLE", "DCIM/101APPLE")
    }
    assert album_progress.report(album).failed_count == 0
    assert grouping.AMBIGUOUS_NOTE not in " ".join(upload.note for upload in batch.uploads.all())


@ORDERS
@BETWEEN
def test_takeouts_years_each_have_their_own_words(album, is_reversed, between):
    files = []
    for year in ("2019", "2020"):
        words = takeout_json("IMG_0001.jpg", description=f"In {year}")
        files += [(f"Photos from {year}/IMG_0001.jpg", jpeg(number=int(year[2:])))]
        files += [(f"Photos from {year}/IMG_0001.jpg.json", words)]

    send(album, files[::-1] if is_reversed else files, between=between)

    told = {upload.folder: upload.job.photo.caption for upload in Upload.objects.filter(job__photo__isnull=False)}
    assert told == {"Photos from 2019": "In 2019", "Photos from 2020": "In 2020"}


def test_without_folders_videos_of_one_name_are_kept_apart_and_say_so(album):
    batch = send(album, [(name.rpartition("/")[2], content) for name, content in CARD])

    assert [photo.title for photo in album.photos.all()] == ["", ""]
    assert set(belongings(album)) == {""}
    assert Companion.objects.count() == 4
    prove()
    told = {line.name: line for line in receipt_query.lines(file_status.files(batch))}
    assert {line.status for line in told.values()} == {FileStatus.VERIFIED}
    assert {told[name].note.count(grouping.AMBIGUOUS_NOTE) for name in ("IMG_1.MOV", "IMG_1.xmp")} == {1}
    assert grouping.NO_PHOTO_NOTE not in told["IMG_1.MOV"].note
    assert receipt_query.build(batch).is_safe
    assert list(batch_outcome.failures(batch)) == []


def test_a_note_of_an_earlier_version_is_replaced_when_its_files_are_grouped_again(album):
    batch = send(album, [(name.rpartition("/")[2], content) for name, content in CARD])
    noted = batch.uploads.filter(note__contains=grouping.AMBIGUOUS_NOTE)
    notes = sorted(noted.values_list("note", flat=True))
    for upload in noted:
        former = upload.note.replace(grouping.AMBIGUOUS_NOTE, grouping.FORMER_AMBIGUOUS_NOTE)
        Upload.objects.filter(pk=upload.pk).update(note=former)
    told = sorted(line.note for line in receipt_query.lines(file_status.files(batch)) if "Several" in line.note)
    assert told == notes

    grouping.link_group(batch.jobs.first())

    assert sorted(noted.values_list("note", flat=True)) == notes


def test_what_was_kept_apart_is_put_together_when_it_comes_again_in_its_folders(album):
    send(album, [(name.rpartition("/")[2], content) for name, content in CARD])
    assert {companion.photo for companion in Companion.objects.all()} == {None}

    send(album, CARD)

    titles = {companion.photo.title: companion.sha256 for companion in Companion.objects.filter(kind="motion")}
    assert set(titles) == {"One", "Two"}
    assert Companion.objects.filter(photo=None).count() == 0


@ORDERS
def test_takeout_that_comes_in_parts_has_folders_of_one_name(album, is_reversed):
    files = [
        ("takeout-1/Photos from 2019/IMG_1.jpg", jpeg(number=1)),
        ("takeout-2/Photos from 2019/IMG_1.jpg.json", takeout_json("IMG_1.jpg", description="Here")),
    ]

    send(album, files[::-1] if is_reversed else files)

    assert album.photos.get().caption == "Here"


def test_a_sidecar_in_a_folder_of_another_name_is_for_none_of_the_others(album):
    batch = send(
        album,
        [
            ("100CANON/IMG_1.JPG", jpeg(number=1)),
            ("101CANON/IMG_1.xmp", sidecar()),
            ("101CANON/IMG_1.MOV", MOV),
        ],
    )

    assert album.photos.get().title == ""
    assert [upload.note for upload in album_progress.report(album).with_note] == [grouping.NO_PHOTO_NOTE]
    assert batch.jobs.get(stem="img_1", state=JobState.FAILED).original_filename == "IMG_1.MOV"


def test_a_photo_with_a_sidecar_in_its_own_folder_takes_no_other(album):
    send(
        album,
        [
            ("1/DCIM/IMG_1.JPG", jpeg(number=1)),
            ("1/DCIM/IMG_1.xmp", sidecar("Own")),
            ("2/DCIM/IMG_1.xmp", sidecar("Other")),
            ("1/DCIM/IMG_1.MOV", MOV + b"own"),
            ("2/DCIM/IMG_1.MOV", MOV + b"other"),
        ],
    )

    assert album.photos.get().title == "Own"
    assert belongings(album) == {"1/DCIM": {"1/DCIM/sidecar", "1/DCIM/motion"}, "": {"2/DCIM/sidecar"}}


def test_a_raw_and_its_jpeg_of_one_moment_may_lie_in_different_folders(album, tmp_path):
    dng = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()

    send(album, [("RAW/IMG_1.DNG", dng), ("JPG/IMG_1.JPG", jpeg(TAKEN))])

    assert [photo.name for photo in album.photos.shown()] == ["IMG_1.JPG"]


def test_icloudpds_name_of_a_video_is_that_of_its_still(album):
    send(album, [("IMG_1.JPG", jpeg()), ("IMG_1_HEVC.MOV", MOV)])

    assert Companion.objects.get().photo == album.photos.get()


# What the album has already


@pytest.fixture
def there(album) -> None:
    """A photo of an earlier day, alone."""
    send(album, [("IMG_8.JPG", jpeg(TAKEN, "First"))])


LATER = [("IMG_8.MOV", MOV), ("IMG_8.JPG.xmp", sidecar("Edited")), ("IMG_8.JPG.json", takeout_json("IMG_8.JPG"))]


@BETWEEN
@pytest.mark.parametrize("at", range(4))
def test_a_photo_that_is_there_gets_what_comes_with_it_another_day(album, there, at, between):
    files = [*LATER]
    files.insert(at, ("IMG_8.JPG", jpeg(TAKEN, "First")))

    batch = send(album, files, between=between)

    photo = album.photos.get()
    assert {companion.photo for companion in Companion.objects.all()} == {photo}
    assert (Companion.objects.count(), photo.title, photo.caption) == (3, "Edited", "By the sea")
    assert ProcessingJob.objects.failed().count() == 0
    prove()
    assert set(standing_of(batch).values()) == {FileStatus.VERIFIED}
    assert receipt_query.build(batch).is_safe
    assert grouping.NO_PHOTO_NOTE not in " ".join(line.note for line in receipt_query.lines(file_status.files(batch)))


def test_what_a_person_wrote_since_is_not_undone_by_the_same_sidecar(album):
    files = [("IMG_8.JPG", jpeg(TAKEN)), ("IMG_8.xmp", sidecar("Edited"))]
    send(album, files)
    album.photos.update(title="By hand")

    send(album, [*files, ("IMG_8.MOV", MOV)])

    assert album.photos.get().title == "By hand"
    assert Companion.objects.filter(photo=album.photos.get()).count() == 2


@ORDERS
def test_a_sidecar_that_was_alone_goes_to_the_photo_that_comes_with_it_another_day(album, is_reversed):
    send(album, [("IMG_8.xmp", sidecar("Edited"))])
    files = [("IMG_8.xmp", sidecar("Edited")), ("IMG_8.JPG", jpeg(TAKEN))]

    send(album, files[::-1] if is_reversed else files)

    assert (album.photos.get().title, Companion.objects.get().photo) == ("Edited", album.photos.get())


def test_a_raw_that_is_there_is_shown_as_one_with_its_jpeg_of_another_day(album, tmp_path):
    dng = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    send(album, [("IMG_1.DNG", dng)])

    send(album, [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg(TAKEN))])

    assert [photo.name for photo in album.photos.shown()] == ["IMG_1.JPG"]


@BETWEEN
def test_the_same_photo_under_two_names_gets_what_lies_beside_either(album, between):
    content = jpeg(TAKEN)

    send(
        album,
        [
            ("Trip/Sea.xmp", sidecar("Sea")),
            ("2019/IMG_1.JPG", content),
            ("Trip/Sea.JPG", content),
            ("Trip/Sea.MOV", MOV),
        ],
        between=between,
    )

    assert album.photos.get().title == "Sea"
    assert {companion.photo for companion in Companion.objects.all()} == {album.photos.get()}


def test_what_comes_with_a_photo_of_the_trash_brings_it_back(album, there):
    trash.move_to_trash(album.photos.get())

    send(album, [("IMG_8.JPG", jpeg(TAKEN, "First")), ("IMG_8.MOV", MOV)])

    assert Companion.objects.get().photo == album.photos.shown().get()


def test_a_declared_batch_puts_together_what_the_album_has_already(album, owner, client):
    """As the page declares it: neither file need be sent."""
    send(album, [("IMG_8.xmp", sidecar("Edited"))])
    send(album, [("IMG_8.JPG", jpeg(TAKEN))])
    assert album.photos.get().title == ""
    rows = {upload.name: upload for upload in Upload.objects.all()}
    files = [{"name": f"DCIM/{name}", "size": row.size, "sha256": row.sha256} for name, row in rows.items()]
    client.force_login(owner)

    answer = client.post(
        f"/albums/{album.pk}/uploads/manifest/", {"open": True, "files": files}, content_type="application/json"
    ).json()

    assert [file["state"] for file in answer["files"]] == ["here", "here"]
    assert (album.photos.get().title, Companion.objects.get().photo) == ("Edited", album.photos.get())
    assert {upload.folder for upload in Batch.objects.order_by("-pk")[0].uploads.all()} == {"DCIM"}


# Where the folders come from


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("IMG_1.JPG", ""),
        ("./IMG_1.JPG", ""),
        ("DCIM/100APPLE/IMG_1.JPG", "DCIM/100APPLE"),
        (r"DCIM\100APPLE\IMG_1.JPG", "DCIM/100APPLE"),
        ("Cre\u0301mieux/IMG_1.JPG", "Crémieux"),
        ("a\0b/\u202ec/IMG_1.JPG", "ab/c"),
        ("x" * 600 + "/y/IMG_1.JPG", "x" * 498 + "/y"),
    ],
)
def test_the_folder_is_what_stands_before_the_name(name, folder):
    assert filenames.folder(name) == folder


@pytest.mark.once
@pytest.mark.parametrize(
    ("path", "name"),
    [("DCIM/IMG_1.JPG", "DCIM/IMG_1.JPG"), ("null", "IMG_1.JPG"), ("DCIM/other.JPG", "IMG_1.JPG"), ("", "IMG_1.JPG")],
)
def test_a_tus_client_may_tell_the_folder_as_uppy_does(path, name):
    told = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}"
        for key, value in {"filename": "IMG_1.JPG", "relativePath": path}.items()
    )

    assert protocol.creation({"Upload-Length": "1", "Upload-Metadata": told}).name == name


@pytest.mark.once
@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("a", "a", True),
        ("", "a", True),
        ("a/x", "b/x", True),
        ("a/x", "a/y", False),
        ("x", "x/y", False),
    ],
)
def test_folders_are_near_if_they_are_called_alike_or_one_is_unknown(one, other, is_near):
    assert name_matching.is_near(one, other) == name_matching.is_near(other, one) == is_near


def test_an_import_tells_files_of_one_name_apart(album, tmp_path):
    for name, content in CARD:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    call_command("import_photos", str(album.pk), str(tmp_path / "DCIM"))
    develop()
    while post_write.verify_next():
        pass

    assert {photo.title for photo in album.photos.all()} == {"One", "Two"}
    assert Companion.objects.exclude(photo=None).count() == 4
    assert receipt_query.build(Batch.objects.get()).is_safe
    assert batches.running_in(album) is None
