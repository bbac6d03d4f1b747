"""The largest page of full resolution of a TIFF is the photo, in any position; a reduced copy never is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.formats.detect import Kind, detect
from processing.pipeline.render.develop import develop
from tests.pipeline import tiffs
from tests.pipeline.test_formats import BLUE, GREEN, RED, YELLOW, alike, middles, quarters
from tests.pipeline.tiffs import Page

REDUCED: dict[int, int | bytes | tuple[int, ...]] = {tiffs.SUBFILE: 1}
SMALL = Image.new("RGB", (48, 32), (9, 9, 9))
MAKE, MODEL, PHOTOMETRIC, COMPRESSION = 271, 272, 262, 259


def developed(tmp_path: Path, out: Path, content: bytes) -> Picture:
    source = tmp_path / "photo.tif"
    source.write_bytes(content)
    return develop(source, out)


ARRANGEMENTS = {
    "a copy first": [Page(SMALL, REDUCED), Page(quarters())],
    "a copy first, marked by the old tag": [Page(SMALL, {tiffs.OLD_SUBFILE: 2}), Page(quarters())],
    "a copy first, without a mark": [Page(SMALL), Page(quarters())],
    "a copy last": [Page(quarters()), Page(SMALL, REDUCED)],
    "a copy larger than the photo": [Page(Image.new("RGB", (400, 300)), REDUCED), Page(quarters())],
    "in the SubIFD of a copy": [Page(SMALL, REDUCED, below=(Page(quarters()),))],
    "in the SubIFD of a camera's copy": [
        Page(SMALL, REDUCED | {MAKE: b"NIKON CORPORATION\0"}, below=(Page(quarters()),))
    ],
    "after a copy in the SubIFDs of a copy": [Page(SMALL, REDUCED, below=(Page(SMALL, REDUCED), Page(quarters())))],
    "with a copy in its SubIFD": [Page(quarters(), below=(Page(SMALL, REDUCED),))],
    "with its mask": [Page(quarters()), Page(Image.new("L", (300, 300)), {tiffs.SUBFILE: 4, PHOTOMETRIC: 4})],
    "the second of three": [Page(SMALL), Page(quarters()), Page(SMALL)],
}


@pytest.mark.parametrize(
    ("order", "big"), [("<", False), (">", False), ("<", True), (">", True)], ids=["II", "MM", "BigTIFF", "MM BigTIFF"]
)
@pytest.mark.parametrize("pages", ARRANGEMENTS.values(), ids=ARRANGEMENTS)
def test_the_largest_page_of_full_resolution_is_shown(
    tmp_path: Path, out: Path, pages: list[Page], order: str, big: bool
) -> None:
    picture = developed(tmp_path, out, tiffs.written(*pages, order=order, big=big))

    assert (picture.format, picture.width, picture.height) == ("TIFF", 192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


def test_the_first_of_the_numbered_pages_of_a_document_is_shown(tmp_path: Path, out: Path) -> None:
    pages = [
        Page(image, {tiffs.PAGE_NUMBER: (number, 2)})
        for number, image in enumerate((quarters(), Image.new("RGB", (400, 300))))
    ]

    picture = developed(tmp_path, out, tiffs.written(*pages))

    assert (picture.width, picture.height) == (192, 128)


def test_a_thumbnail_is_not_treated_as_a_page_of_a_document(tmp_path: Path, out: Path) -> None:
    pages = [
        Page(image, {tiffs.PAGE_NUMBER: (number, 2)})
        for number, image in enumerate((quarters().resize((48, 32)), quarters()))
    ]

    picture = developed(tmp_path, out, tiffs.written(*pages))

    assert (picture.width, picture.height) == (192, 128)


def test_the_first_of_several_pages_of_the_same_size_is_shown(tmp_path: Path, out: Path) -> None:
    picture = developed(tmp_path, out, tiffs.written(Page(quarters()), Page(Image.new("RGB", (192, 128)))))

    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


@pytest.mark.parametrize("pages", [[Page(SMALL, REDUCED)], [Page(SMALL, REDUCED), Page(quarters(), REDUCED)]])
def test_a_file_that_contains_only_reduced_copies_is_rejected_with_a_message(
    tmp_path: Path, out: Path, pages: list[Page]
) -> None:
    with pytest.raises(ImageRejected) as caught:
        developed(tmp_path, out, tiffs.written(*pages))

    assert (caught.value.code, caught.value.permanent) == ("unsupported-image", True)
    assert "nothing but a reduced copy" in caught.value.message


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_a_compressed_page_after_a_reduced_copy_is_shown(tmp_path: Path, out: Path, packing: str) -> None:
    buffer = BytesIO()
    quality = {"quality": 95} if packing == "jpeg" else {}
    SMALL.save(buffer, "TIFF", save_all=True, append_images=[quarters()], compression=packing, **quality)

    picture = developed(tmp_path, out, buffer.getvalue())

    assert (picture.width, picture.height) == (192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_metadata_and_orientation_of_a_bigtiff_are_read(tmp_path: Path, out: Path, order: str) -> None:
    stored = quarters().transpose(Image.Transpose.ROTATE_90)
    tags: dict[int, int | bytes | tuple[int, ...]] = {MODEL: b"Example One\0", tiffs.ORIENTATION: 6}

    picture = developed(tmp_path, out, tiffs.written(Page(stored, tags), order=order, big=True))

    assert (picture.width, picture.height, picture.metadata.camera) == (192, 128, "Example One")
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


@pytest.mark.parametrize(
    "content",
    [
        tiffs.written(Page(SMALL, REDUCED), Page(quarters()))[:-20],
        tiffs.written(Page(SMALL, REDUCED | {tiffs.SUB_IFDS: 9_999_999})),
    ],
    ids=["the next page", "its SubIFD"],
)
def test_a_copy_whose_photo_is_missing_is_a_truncated_file(tmp_path: Path, out: Path, content: bytes) -> None:
    with pytest.raises(ImageRejected) as caught:
        developed(tmp_path, out, content)

    assert caught.value.code == "truncated"


def test_an_rgb_picture_with_the_tag_of_a_colour_filter_is_no_raw(tmp_path: Path, out: Path) -> None:
    cfa_pattern = 33422

    picture = developed(tmp_path, out, tiffs.written(Page(quarters(), {MAKE: b"NIKON\0", cfa_pattern: 0x02010100})))

    assert (picture.format, picture.width) == ("TIFF", 192)


def test_the_tags_of_the_first_page_apply_to_the_photo_in_its_subifd(tmp_path: Path, out: Path) -> None:
    tags: dict[int, int | bytes | tuple[int, ...]] = {
        MAKE: b"Example\0",
        MODEL: b"Example One\0",
        tiffs.ORIENTATION: 6,
    }
    stored = quarters().transpose(Image.Transpose.ROTATE_90)

    picture = developed(tmp_path, out, tiffs.written(Page(SMALL, REDUCED | tags, below=(Page(stored),))))

    assert (picture.width, picture.height, picture.metadata.camera) == (192, 128, "Example One")
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


def test_the_photos_own_orientation_takes_precedence_over_the_first_pages(tmp_path: Path, out: Path) -> None:
    stored = quarters().transpose(Image.Transpose.ROTATE_180)
    pages = Page(SMALL, REDUCED | {tiffs.ORIENTATION: 6}), Page(stored, {tiffs.ORIENTATION: 3})

    picture = developed(tmp_path, out, tiffs.written(*pages))

    assert (picture.width, picture.height) == (192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


@pytest.mark.parametrize(
    "below",
    [Page(quarters(), {PHOTOMETRIC: 32803}), Page(quarters(), {COMPRESSION: 34713}), Page(SMALL, REDUCED)],
    ids=["sensor data", "a maker's compression", "another copy"],
)
def test_a_reduced_copy_with_proprietary_data_in_its_subifd_is_a_raw(below: Page) -> None:
    content = tiffs.written(Page(SMALL, REDUCED | {MAKE: b"NIKON CORPORATION\0"}, below=(below,)))

    assert detect(BytesIO(content)) == Kind("NEF", is_raw=True)
