"""The ZIP file of an album over HTTP: whole, in ranges, and when it cannot be had."""

import html
import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from huey.contrib.djhuey import HUEY

from albums.download import readiness, slots
from albums.download.archive import ReadFailed
from albums.models import Album, Companion, Photo, Rendition
from processing.integrity import zip_checksums
from processing.models import Finding

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def holiday(album, add_photo, add_companion) -> Album:
    photo = add_photo("IMG_1.jpg", b"first original", large=b"first large")
    add_companion(photo, "IMG_1.xmp", b"words")
    add_companion(photo, "IMG_1.mov", b"moving", kind="motion")
    add_photo("写真.jpg", b"second original", large=b"second large")
    raw = add_photo("IMG_1.dng", b"raw original", large=b"raw large", shown_as=photo)
    add_companion(raw, "IMG_1.dng.xmp", b"words of the raw")
    add_companion(None, "lonely.xmp", b"of no photo")
    add_photo("trashed.jpg", b"trashed", trashed_at=photo.created_at)
    return album


def url(album: Album, query: str = "size=original&companions=on") -> str:
    return f"{reverse('albums:download-zip', args=[album.pk])}?{query}"


def content(response) -> bytes:
    return b"".join(response.streaming_content)


def files(response) -> dict[str, bytes]:
    """The files of the archive, each of whose CRC-32 zipfile compares."""
    with zipfile.ZipFile(io.BytesIO(content(response))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_edits_are_added_as_sidecars_on_request(browser, holiday):
    assert b'name="edits"' not in browser.get(f"/albums/{holiday.pk}/download/").content
    Photo.objects.filter(name="IMG_1.jpg").update(edited_title="Port")
    assert b'name="edits"' in browser.get(f"/albums/{holiday.pk}/download/").content

    names = files(browser.get(url(holiday, "size=original"))).keys()
    with_edits = files(browser.get(url(holiday, "size=original&edits=on")))
    assert with_edits.keys() - names == {"IMG_1.jpg.xmp"}
    assert b"Port" in with_edits["IMG_1.jpg.xmp"]


def test_an_archive_has_all_originals_with_their_sidecars_and_videos(browser, holiday):
    response = browser.get(url(holiday))

    assert response["Content-Disposition"] == 'attachment; filename="Summer.zip"'
    assert files(response) == {
        "IMG_1.jpg": b"first original",
        "IMG_1.dng": b"raw original",
        "IMG_1.xmp": b"words",
        "IMG_1.mov": b"moving",
        "IMG_1.dng.xmp": b"words of the raw",
        "写真.jpg": b"second original",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("size=original", {"IMG_1.jpg", "IMG_1.dng", "写真.jpg"}),
        ("size=2560", {"IMG_1.webp", "写真.webp"}),
        ("size=2560&companions=on", {"IMG_1.webp", "写真.webp", "IMG_1.xmp", "IMG_1.mov", "IMG_1.dng.xmp"}),
    ],
)
def test_what_an_archive_contains_is_a_choice(browser, holiday, query, expected):
    assert files(browser.get(url(holiday, query))).keys() == expected


def test_the_largest_webp_of_each_photo_is_downloaded(browser, holiday):
    response = browser.get(url(holiday, "size=2560"))

    assert response["Content-Disposition"] == 'attachment; filename="Summer (2560 px).zip"'
    assert files(response) == {"IMG_1.webp": b"first large", "写真.webp": b"second large"}


def test_the_length_is_known_before_the_first_byte_and_no_thread_waits_for_head(browser, holiday):
    response, head = browser.get(url(holiday)), browser.head(url(holiday))

    assert int(response["Content-Length"]) == len(content(response)) == int(head["Content-Length"])
    assert (head["ETag"], head["Accept-Ranges"], head.content) == (response["ETag"], "bytes", b"")


def test_every_range_is_that_part_of_the_whole(browser, holiday):
    archive = content(browser.get(url(holiday)))
    for start in range(0, len(archive), 7):
        response = browser.get(url(holiday), headers={"Range": f"bytes={start}-{start + 40}"})

        assert (response.status_code, content(response)) == (206, archive[start : start + 41])
    past_the_end = browser.get(url(holiday), headers={"Range": f"bytes={len(archive)}-"})
    assert (past_the_end.status_code, past_the_end["Content-Range"]) == (416, f"bytes */{len(archive)}")


def test_an_interrupted_download_continues_only_with_the_same_archive(browser, holiday, add_photo):
    before = browser.get(url(holiday))
    headers = {"Range": "bytes=100-", "If-Range": before["ETag"]}
    archive = content(before)

    Photo.objects.filter(name="写真.jpg").update(position=-5, title="Sorted, and renamed on pages")
    assert content(browser.get(url(holiday), headers=headers)) == archive[100:]

    add_photo("later.jpg")
    changed = browser.get(url(holiday), headers=headers)
    assert (changed.status_code, changed["ETag"] == before["ETag"]) == (200, False)
    assert "later.jpg" in files(changed)


def test_a_missing_file_is_reported_before_the_first_byte(browser, holiday):
    default_storage.delete(Photo.objects.get(name="写真.jpg").original_key)

    response = browser.get(url(holiday), headers={"Accept": "application/json"})

    assert (response.status_code, response.json()["error"]) == (409, "file-missing")
    assert browser.get(url(holiday)).status_code == 409


def test_a_file_that_disappears_later_ends_the_response_without_its_last_bytes(browser, holiday):
    response = browser.get(url(holiday))
    default_storage.delete(Photo.objects.get(name="写真.jpg").original_key)
    received: list[bytes] = []

    with pytest.raises(ReadFailed):
        received.extend(response.streaming_content)

    assert sum(map(len, received)) < int(response["Content-Length"])
    assert len(files(browser.get(url(holiday, "size=2560")))) == 2


def test_files_that_are_known_to_be_damaged_can_be_left_out(browser, holiday):
    damaged = Photo.objects.get(name="写真.jpg")
    Finding.objects.create(key=damaged.original_key, photo=damaged, problem=Finding.Problem.CORRUPT)

    response = browser.get(url(holiday))

    assert response.status_code == 409
    assert "写真.jpg" in response.content.decode()
    assert "写真.jpg" not in files(browser.get(url(holiday, "size=original&companions=on&skip_damaged=on")))
    assert "写真.webp" in files(browser.get(url(holiday, "size=2560")))


def test_few_missing_checksums_are_computed_in_the_request(browser, holiday):
    archive = content(browser.get(url(holiday)))
    for model in (Photo, Companion, Rendition):
        model.objects.update(crc32=None)

    assert content(browser.get(url(holiday))) == archive
    assert Photo.objects.filter(crc32=None, trashed_at=None).count() == 0
    assert len(files(browser.get(url(holiday, "size=2560")))) == 2


def test_many_missing_checksums_are_computed_by_a_worker_while_the_page_waits(browser, holiday, monkeypatch):
    archive = content(browser.get(url(holiday)))
    Photo.objects.update(crc32=None)
    monkeypatch.setattr(readiness, "MAX_FILES_AT_ONCE", 1)
    wait = f"{reverse('albums:download', args=[holiday.pk])}?size=original&companions=on&wait=1"

    response = browser.get(url(holiday))

    assert (response.status_code, response["Retry-After"]) == (503, "3")
    page = response.content.decode()
    assert "Checked 3 of 6 files" in page
    assert "no worker is running" in page
    assert f'<noscript><meta http-equiv="refresh" content="3; url={html.escape(wait)}"></noscript>' in page
    refused = browser.get(url(holiday), headers={"Accept": "application/json"})
    assert (refused.json()["error"], refused["Retry-After"]) == ("download-preparing", "3")
    assert Photo.objects.exclude(crc32=None).count() == 0
    message = HUEY.dequeue()
    assert message.name == "read_for_download"
    zip_checksums.read_slice(*message.args)
    ready = browser.get(wait).content.decode()
    assert "Download ready" in ready
    assert f'<noscript><meta http-equiv="refresh" content="0; url={html.escape(url(holiday))}"></noscript>' in ready
    assert content(browser.get(url(holiday))) == archive


def test_a_file_that_turns_out_to_be_damaged_is_never_sent(browser, holiday, add_photo):
    photo = add_photo("other bytes.jpg", b"these bytes", crc32=None, original_sha256="0" * 64)

    response = browser.get(url(holiday))

    assert response.status_code == 409
    assert photo.name in response.content.decode()


def test_downloads_occupy_a_limited_number_of_threads(browser, holiday, others, their_album, settings):
    settings.WEB_THREADS = 64
    assert (slots.total_slots(), slots.user_slots()) == (8, 2)
    first, second = browser.get(url(holiday)), browser.get(url(holiday))

    refused = browser.get(url(holiday))

    assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    assert browser.head(url(holiday)).status_code == 503  # the archive would have to be computed too
    assert files(first) == files(second)
    assert browser.head(url(holiday)).status_code == 200
    assert len(files(browser.get(url(holiday)))) == 6


def test_a_download_without_a_body_frees_its_slot(browser, holiday, settings):
    settings.WEB_THREADS = 8
    whole = browser.get(url(holiday))
    content(whole)
    headers = {"If-None-Match": whole["ETag"]}
    for query, status in (("size=huge", 400), ("size=original", 200), ("size=2560", 200)):
        assert browser.head(url(holiday, query)).status_code == status

    assert browser.get(url(holiday), headers=headers).status_code == 304
    assert browser.get(url(holiday), headers={"Range": "bytes=99999999-"}).status_code == 416
    assert slots._taken.total() == 0


def test_the_form_counts_files_and_bytes(browser, holiday):
    page = browser.get(reverse("albums:download", args=[holiday.pk])).content.decode()

    assert "3 files, 41\xa0bytes" in page
    assert "2 files, 23\xa0bytes" in page
    assert "3 files, 27\xa0bytes" in page


def test_an_empty_album_and_an_unknown_size_have_no_archive(browser, album, holiday):
    assert browser.get(url(holiday, "size=huge")).status_code == 400
    Photo.objects.all().delete()
    assert browser.get(url(album)).status_code == 409
    assert "no photos to download" in browser.get(reverse("albums:download", args=[album.pk])).content.decode()


def test_queries_do_not_grow_with_the_album(browser, holiday, add_photo, django_assert_num_queries):
    browser.get(url(holiday))
    with django_assert_num_queries(15) as few:
        browser.head(url(holiday))
    for number in range(30):
        add_photo(f"more {number}.jpg")
    with django_assert_num_queries(len(few)):
        browser.head(url(holiday))
