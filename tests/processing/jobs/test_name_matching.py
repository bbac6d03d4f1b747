"""Files of the same name in several folders, and files that the album has already: each is grouped within its own folder."""

import base64

import pytest
from django.core.management import call_command

from albums import trash
from albums.models import Companion
from processing.integrity import post_write
from processing.jobs import grouping, name_matching
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import album_report, batch_outcome, file_status
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.uploads import batches, filenames
from processing.uploads.tus import protocol
from tests.pipeline import raws
from tests.processing.jobs.test_grouping import MOV, TAKEN, develop, file_statuses, jpeg, send, sidecar, verify_files
from tests.processing.jobs.test_takeout_names import takeout_json

pytestmark = pytest.mark.django_db

ORDERS = pytest.mark.parametrize("is_reversed", [False, True])
DEVELOP_EACH = pytest.mark.parametrize("develop_each", [False, True])
CARD = [
    ("DCIM/100APPLE/IMG_1.JPG", jpeg(number=1)),
    ("DCIM/100APPLE/IMG_1.MOV", MOV + b"one"),
    ("DCIM/100APPLE/IMG_1.xmp", sidecar("One")),
    ("DCIM/101APPLE/IMG_1.JPG", jpeg(number=2)),
    ("DCIM/101APPLE/IMG_1.MOV", MOV + b"two"),
    ("DCIM/101APPLE/IMG_1.xmp", sidecar("Two")),
]


def companions_by_folder(album) -> dict[str, set[str]]:
    """Returns folder and kind of each companion, by the folder of its photo ("" without a photo)."""
    companions: dict[str, set[str]] = {}
    for companion in Companion.objects.filter(album=album):
        upload = Upload.objects.filter(job__companion=companion).get()
        photo = companion.photo and Upload.objects.filter(job__photo=companion.photo).get()
        companions.setdefault(photo.folder if photo else "", set()).add(f"{upload.folder}/{companion.kind}")
    return companions


@ORDERS
@DEVELOP_EACH
def test_files_of_the_same_name_are_grouped_with_those_of_their_own_folder(album, is_reversed, develop_each):
    batch = send(album, CARD[::-1] if is_reversed else CARD, develop_each=develop_each)

    assert {photo.title for photo in album.photos.all()} == {"One", "Two"}
    assert companions_by_folder(album) == {
        folder: {f"{folder}/motion", f"{folder}/sidecar"} for folder in ("DCIM/100APPLE", "DCIM/101APPLE")
    }
    assert album_report.build(album).failed == 0
    assert grouping.AMBIGUOUS_NOTE not in " ".join(upload.note for upload in batch.uploads.all())


@ORDERS
@DEVELOP_EACH
def test_takeout_metadata_applies_to_the_photo_in_the_same_years_folder(album, is_reversed, develop_each):
    files = []
    for year in ("2019", "2020"):
        metadata = takeout_json("IMG_0001.jpg", description=f"In {year}")
        files += [(f"Photos from {year}/IMG_0001.jpg", jpeg(number=int(year[2:])))]
        files += [(f"Photos from {year}/IMG_0001.jpg.json", metadata)]

    send(album, files[::-1] if is_reversed else files, develop_each=develop_each)

    captions = {upload.folder: upload.job.photo.caption for upload in Upload.objects.filter(job__photo__isnull=False)}
    assert captions == {"Photos from 2019": "In 2019", "Photos from 2020": "In 2020"}


def test_without_folders_videos_of_the_same_name_are_stored_apart_with_a_note(album):
    batch = send(album, [(name.rpartition("/")[2], content) for name, content in CARD])

    assert [photo.title for photo in album.photos.all()] == ["", ""]
    assert set(companions_by_folder(album)) == {""}
    assert Companion.objects.count() == 4
    verify_files()
    receipt_lines = {line.name: line for line in receipt_query.lines(file_status.files(batch))}
    assert {line.status for line in receipt_lines.values()} == {FileStatus.VERIFIED}
    assert {receipt_lines[name].note.count(grouping.AMBIGUOUS_NOTE) for name in ("IMG_1.MOV", "IMG_1.xmp")} == {1}
    assert grouping.NO_PHOTO_NOTE not in receipt_lines["IMG_1.MOV"].note
    assert receipt_query.build(batch).is_safe
    assert list(batch_outcome.failures(batch)) == []


def test_a_note_of_an_earlier_version_is_replaced_when_its_files_are_grouped_again(album):
    batch = send(album, [(name.rpartition("/")[2], content) for name, content in CARD])
    noted = batch.uploads.filter(note__contains=grouping.AMBIGUOUS_NOTE)
    notes = sorted(noted.values_list("note", flat=True))
    for upload in noted:
        former = upload.note.replace(grouping.AMBIGUOUS_NOTE, grouping.FORMER_AMBIGUOUS_NOTE)
        Upload.objects.filter(pk=upload.pk).update(note=former)
    receipt_lines = receipt_query.lines(file_status.files(batch))
    assert sorted(line.note for line in receipt_lines if "Several" in line.note) == notes

    grouping.link_group(batch.jobs.first())

    assert sorted(noted.values_list("note", flat=True)) == notes


def test_files_stored_apart_are_grouped_when_they_are_sent_again_with_folders(album):
    send(album, [(name.rpartition("/")[2], content) for name, content in CARD])
    assert {companion.photo for companion in Companion.objects.all()} == {None}

    send(album, CARD)

    checksums_by_title = {
        companion.photo.title: companion.sha256 for companion in Companion.objects.filter(kind="motion")
    }
    assert set(checksums_by_title) == {"One", "Two"}
    assert Companion.objects.filter(photo=None).count() == 0


@ORDERS
def test_files_in_equally_named_folders_of_several_takeout_archives_are_grouped(album, is_reversed):
    files = [
        ("takeout-1/Photos from 2019/IMG_1.jpg", jpeg(number=1)),
        ("takeout-2/Photos from 2019/IMG_1.jpg.json", takeout_json("IMG_1.jpg", description="Here")),
    ]

    send(album, files[::-1] if is_reversed else files)

    assert album.photos.get().caption == "Here"


def test_a_sidecar_in_a_folder_with_another_name_applies_to_no_photo(album):
    batch = send(
        album,
        [
            ("100CANON/IMG_1.JPG", jpeg(number=1)),
            ("101CANON/IMG_1.xmp", sidecar()),
            ("101CANON/IMG_1.MOV", MOV),
        ],
    )

    assert album.photos.get().title == ""
    assert [line.note for line in receipt_query.lines(file_status.files(batch)) if line.note] == [
        grouping.NO_PHOTO_NOTE
    ]
    assert album_report.build(album).noted == 1
    assert batch.jobs.get(stem="img_1", state=JobState.FAILED).original_filename == "IMG_1.MOV"


def test_a_photo_with_a_sidecar_in_its_own_folder_gets_no_other_one(album):
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
    assert companions_by_folder(album) == {"1/DCIM": {"1/DCIM/sidecar", "1/DCIM/motion"}, "": {"2/DCIM/sidecar"}}


def test_a_raw_and_its_jpeg_with_the_same_time_may_be_in_different_folders(album, tmp_path):
    dng = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()

    send(album, [("RAW/IMG_1.DNG", dng), ("JPG/IMG_1.JPG", jpeg(TAKEN))])

    assert [photo.name for photo in album.photos.shown()] == ["IMG_1.JPG"]


def test_a_video_named_by_icloudpd_is_stored_with_its_still(album):
    send(album, [("IMG_1.JPG", jpeg()), ("IMG_1_HEVC.MOV", MOV)])

    assert Companion.objects.get().photo == album.photos.get()


# Files that the album has already


@pytest.fixture
def existing_photo(album) -> None:
    """A photo without companions, from an earlier batch."""
    send(album, [("IMG_8.JPG", jpeg(TAKEN, "First"))])


LATER = [("IMG_8.MOV", MOV), ("IMG_8.JPG.xmp", sidecar("Edited")), ("IMG_8.JPG.json", takeout_json("IMG_8.JPG"))]


@DEVELOP_EACH
@pytest.mark.parametrize("position", range(4))
def test_an_existing_photo_gets_the_companions_of_a_later_batch(album, existing_photo, position, develop_each):
    files = [*LATER]
    files.insert(position, ("IMG_8.JPG", jpeg(TAKEN, "First")))

    batch = send(album, files, develop_each=develop_each)

    photo = album.photos.get()
    assert {companion.photo for companion in Companion.objects.all()} == {photo}
    assert (Companion.objects.count(), photo.title, photo.caption) == (3, "Edited", "By the sea")
    assert ProcessingJob.objects.failed().count() == 0
    verify_files()
    assert set(file_statuses(batch).values()) == {FileStatus.VERIFIED}
    assert receipt_query.build(batch).is_safe
    assert grouping.NO_PHOTO_NOTE not in " ".join(line.note for line in receipt_query.lines(file_status.files(batch)))


def test_the_same_sidecar_again_does_not_overwrite_an_edited_title(album):
    files = [("IMG_8.JPG", jpeg(TAKEN)), ("IMG_8.xmp", sidecar("Edited"))]
    send(album, files)
    album.photos.update(title="By hand")

    send(album, [*files, ("IMG_8.MOV", MOV)])

    assert album.photos.get().title == "By hand"
    assert Companion.objects.filter(photo=album.photos.get()).count() == 2


@ORDERS
def test_a_sidecar_without_a_photo_is_linked_to_the_photo_of_a_later_batch(album, is_reversed):
    send(album, [("IMG_8.xmp", sidecar("Edited"))])
    files = [("IMG_8.xmp", sidecar("Edited")), ("IMG_8.JPG", jpeg(TAKEN))]

    send(album, files[::-1] if is_reversed else files)

    assert (album.photos.get().title, Companion.objects.get().photo) == ("Edited", album.photos.get())


def test_an_existing_raw_is_shown_as_one_photo_with_the_jpeg_of_a_later_batch(album, tmp_path):
    dng = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    send(album, [("IMG_1.DNG", dng)])

    send(album, [("IMG_1.DNG", dng), ("IMG_1.JPG", jpeg(TAKEN))])

    assert [photo.name for photo in album.photos.shown()] == ["IMG_1.JPG"]


@DEVELOP_EACH
def test_the_same_photo_under_two_names_gets_the_companions_of_both(album, develop_each):
    content = jpeg(TAKEN)

    send(
        album,
        [
            ("Trip/Sea.xmp", sidecar("Sea")),
            ("2019/IMG_1.JPG", content),
            ("Trip/Sea.JPG", content),
            ("Trip/Sea.MOV", MOV),
        ],
        develop_each=develop_each,
    )

    assert album.photos.get().title == "Sea"
    assert {companion.photo for companion in Companion.objects.all()} == {album.photos.get()}


def test_a_trashed_photo_that_is_sent_again_with_a_companion_is_restored(album, existing_photo):
    trash.move_to_trash(album.photos.get())

    send(album, [("IMG_8.JPG", jpeg(TAKEN, "First")), ("IMG_8.MOV", MOV)])

    assert Companion.objects.get().photo == album.photos.shown().get()


def test_a_declared_batch_groups_files_that_the_album_has_already(album, owner, client):
    """The page declares two files that the album has already, so neither is sent."""
    send(album, [("IMG_8.xmp", sidecar("Edited"))])
    send(album, [("IMG_8.JPG", jpeg(TAKEN))])
    assert album.photos.get().title == ""
    rows_by_name = {upload.name: upload for upload in Upload.objects.all()}
    files = [
        {"name": f"DCIM/{name}", "size": upload.size, "sha256": upload.sha256} for name, upload in rows_by_name.items()
    ]
    client.force_login(owner)

    response = client.post(
        f"/albums/{album.pk}/uploads/manifest/", {"open": True, "files": files}, content_type="application/json"
    ).json()

    assert [file["state"] for file in response["files"]] == ["here", "here"]
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
def test_the_folder_is_the_path_before_the_name(name, folder):
    assert filenames.folder(name) == folder


@pytest.mark.once
@pytest.mark.parametrize(
    ("path", "name"),
    [("DCIM/IMG_1.JPG", "DCIM/IMG_1.JPG"), ("null", "IMG_1.JPG"), ("DCIM/other.JPG", "IMG_1.JPG"), ("", "IMG_1.JPG")],
)
def test_a_tus_client_may_send_the_folder_like_uppy(path, name):
    metadata = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}"
        for key, value in {"filename": "IMG_1.JPG", "relativePath": path}.items()
    )

    assert protocol.creation({"Upload-Length": "1", "Upload-Metadata": metadata}).name == name


@pytest.mark.once
@pytest.mark.parametrize(
    ("first", "second", "is_near"),
    [
        ("a", "a", True),
        ("", "a", True),
        ("a/x", "b/x", True),
        ("a/x", "a/y", False),
        ("x", "x/y", False),
    ],
)
def test_folders_are_near_if_they_have_the_same_name_or_one_is_unknown(first, second, is_near):
    assert name_matching.is_near(first, second) == name_matching.is_near(second, first) == is_near


def test_an_import_groups_files_of_the_same_name_by_folder(album, tmp_path):
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
