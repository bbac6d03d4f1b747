"""Every real photo in the manifest has the expected result, upright size, date, coordinates, texts and measured colours."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps, ImageStat

from processing.pipeline import DEFAULT, ImageRejected, Picture
from processing.pipeline.formats import heif_plugin
from processing.rendering.sandbox import Sandbox
from tests.pipeline import charts

heif_plugin.register()

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "photos"
FOLDER = Path(os.environ.get("DARKROOM_PHOTOS", DEFAULT_FOLDER))
Entry = dict[str, Any]


def _entries() -> list[Entry]:
    manifest = FOLDER / "manifest.json"
    return json.loads(manifest.read_text())["entries"] if manifest.exists() else []


ENTRIES = {entry["path"]: entry for entry in _entries()}
pytestmark = pytest.mark.skipif(not ENTRIES, reason="no real photos here")


def _with_metadata(*keys: str) -> list[str]:
    accepted = {path: entry["metadata"] for path, entry in ENTRIES.items() if entry["expected"] != "reject"}
    return [path for path, metadata in accepted.items() if any(metadata.get(key) for key in keys)]


class Developed:
    """Develops each file at most once, in one child process, for all tests of the module."""

    def __init__(self, sandbox: Sandbox, out: Path) -> None:
        self._sandbox, self._out = sandbox, out

    @cache  # noqa: B019 - lives as long as the module's tests.
    def __getitem__(self, path: str) -> Picture | ImageRejected:
        try:
            return self._sandbox.develop(FOLDER / path, self._out / path.replace("/", "-"))
        except ImageRejected as rejection:
            return rejection

    def picture(self, path: str) -> Picture:
        """Returns the picture. Skips the test if the file was rejected and the manifest allows that."""
        result = self[path]
        if isinstance(result, ImageRejected):
            assert ENTRIES[path]["expected"] != "accept", f"{result.code}: {result.message}"
            pytest.skip(f"rejected: {result.code}")
        return result


@pytest.fixture(scope="module")
def developed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developed]:
    with Sandbox() as sandbox:
        yield Developed(sandbox, tmp_path_factory.mktemp("renditions"))


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "accept"])
def test_an_accepted_photo_has_its_upright_size(developed: Developed, path: str) -> None:
    picture = developed.picture(path)

    assert [picture.width, picture.height] == ENTRIES[path]["upright"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "reject"])
def test_a_rejection_is_permanent_and_has_a_message(developed: Developed, path: str) -> None:
    rejection = developed[path]

    assert isinstance(rejection, ImageRejected)
    assert rejection.permanent
    assert rejection.message.endswith(".")


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "either"])
def test_a_photo_that_may_be_rejected_is_upright_or_rejected_permanently(developed: Developed, path: str) -> None:
    result = developed[path]

    if isinstance(result, ImageRejected):
        assert (result.permanent, result.code in ("crashed", "timeout")) == (True, False)
    else:
        assert [result.width, result.height] == ENTRIES[path]["upright"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e.get("probes", {}).get("points")])
def test_renditions_have_the_expected_colours_at_the_probes(developed: Developed, path: str) -> None:
    picture = developed.picture(path)
    probes = ENTRIES[path]["probes"]

    with Image.open(picture.renditions[0].path) as rendition:
        measured = [_mean(rendition.convert("RGBA"), point, probes["box_half"]) for point in probes["points"]]

    wrong = [(m, p) for m, p in zip(measured, probes["points"], strict=True) if not _matches(m, p)]
    assert wrong == []


@pytest.mark.parametrize("path", _with_metadata("date_time_original"))
def test_the_capture_date_is_read(developed: Developed, path: str) -> None:
    taken_at = developed.picture(path).metadata.taken_at
    date, _, time = ENTRIES[path]["metadata"]["date_time_original"].partition(" ")

    assert taken_at is not None
    assert taken_at[:19] == f"{date.replace(':', '-')}T{time[:8]}"


@pytest.mark.parametrize("path", _with_metadata("offset_time_original"))
def test_the_utc_offset_is_read(developed: Developed, path: str) -> None:
    taken_at = developed.picture(path).metadata.taken_at

    assert taken_at is not None
    assert taken_at[-6:] == ENTRIES[path]["metadata"]["offset_time_original"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "accept"])
def test_the_coordinates_are_read(developed: Developed, path: str) -> None:
    gps = developed.picture(path).metadata.gps
    expected = ENTRIES[path]["metadata"]

    assert (gps is not None) == expected["gps_present"]
    if gps and "gps" in expected:
        assert [gps.latitude, gps.longitude] == pytest.approx(expected["gps"], abs=1e-5)


@pytest.mark.parametrize("path", _with_metadata("keywords"))
def test_the_keywords_are_read(developed: Developed, path: str) -> None:
    keywords = developed.picture(path).metadata.keywords
    expected = {
        str(keyword)
        for keywords_of_tag in ENTRIES[path]["metadata"]["keywords"].values()
        for keyword in keywords_of_tag
    }

    assert set(keywords) == expected


WITH_CAMERA_CAPTION = {"photos/DJI_0025.JPG"}
"""Photos with a caption that the camera wrote, and that exiftool reports as one."""


@pytest.mark.parametrize("path", _with_metadata("captions"))
def test_the_caption_is_read(developed: Developed, path: str) -> None:
    caption = developed.picture(path).metadata.caption
    captions = ENTRIES[path]["metadata"]["captions"]

    expected = "" if path in WITH_CAMERA_CAPTION else next(captions[key] for key in CAPTION_ORDER if key in captions)
    assert (caption or "").encode("ascii", "ignore") == expected.replace("?", "").encode("ascii", "ignore")


@pytest.mark.parametrize("path", _with_metadata("artist", "copyright", "rating"))
def test_creator_copyright_and_rating_are_read(developed: Developed, path: str) -> None:
    metadata = developed.picture(path).metadata
    expected = ENTRIES[path]["metadata"]

    fields = (metadata.creator, metadata.copyright, metadata.rating)
    assert fields == (expected.get("artist"), expected.get("copyright"), expected.get("rating"))


@pytest.mark.parametrize(
    ("path", "payload"),
    [("survive/phar-jpg-polyglot.jpg", b"<?php"), ("survive/GIF_exploit.gif", b"<?php")],
)
def test_renditions_of_a_polyglot_do_not_contain_its_payload(developed: Developed, path: str, payload: bytes) -> None:
    assert payload in (FOLDER / path).read_bytes().lower()

    picture = developed.picture(path)

    published = b"".join(Path(rendition.path).read_bytes() for rendition in picture.renditions)
    assert payload not in published.lower()


CAPTION_ORDER = (
    "XMP-dc:Description",
    "IPTC:Caption-Abstract",
    "IFD0:ImageDescription",
    "ExifIFD:UserComment",
)


def _reference(image: Image.Image) -> Image.Image:
    """Returns the picture at full size, upright, and converted to sRGB by lcms."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
    if profile and upright.mode in ("RGB", "L", "CMYK"):
        return charts.by_lcms(upright, profile)
    colours = upright.convert("RGB")
    converted = charts.by_lcms(colours, profile) if profile and upright.mode in ("RGBA", "P") else colours
    if upright.mode == "RGBA":
        converted.putalpha(upright.getchannel("A"))
    return converted


def _encoded(image: Image.Image, rendition_path: str) -> Image.Image:
    """Encodes as WebP of about as many bytes as the rendition, because its quality may have been lowered to limit its size."""
    rendition = Path(rendition_path).read_bytes()
    rung = next(rung for rung in DEFAULT.rungs_for(image.size) if str(rung.edge) == Path(rendition_path).stem)
    for quality in range(rung.quality, -1, -2):
        buffer = BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=rung.method)
        if buffer.tell() <= 1.02 * len(rendition) or rendition[12:16] == b"VP8L":
            break
    with Image.open(buffer) as decoded:
        return decoded.convert("RGB")


def _mean(rendition: Image.Image, point: Entry, half: list[float]) -> list[float]:
    return ImageStat.Stat(rendition.crop(_box(rendition, point, half))).mean


def _mean_colour(image: Image.Image, box: tuple[int, int, int, int]) -> tuple[float, ...]:
    return tuple(ImageStat.Stat(image.crop(box)).mean[:3])


def _box(rendition: Image.Image, point: Entry, half: list[float]) -> tuple[int, int, int, int]:
    width, height = rendition.size
    left, right = (point["x"] - half[0]) * width, (point["x"] + half[0]) * width
    top, bottom = (point["y"] - half[1]) * height, (point["y"] + half[1]) * height
    return (
        max(0, int(left)),
        max(0, int(top)),
        max(int(left) + 1, round(right)),
        max(int(top) + 1, round(bottom)),
    )


def _matches(mean: list[float], point: Entry) -> bool:
    if point["alpha"] == 0:
        return mean[3] < 16
    return all(
        abs(measured - expected) <= point["tolerance"] for measured, expected in zip(mean, point["srgb"], strict=False)
    )


COMPARED_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF", "MPO", "GIF", "BMP")


@pytest.mark.parametrize(
    "path",
    [
        p
        for p, e in ENTRIES.items()
        if e.get("probes", {}).get("points") and e["format"] in COMPARED_FORMATS and "16bit" not in e["tags"]
    ],
)
def test_probes_differ_from_lcms_at_full_size_by_less_than_an_eye_notices(developed: Developed, path: str) -> None:
    """16-bit pictures are left out: Pillow reduces them to 8 bits before lcms converts them.

    The reference is encoded as WebP too, because its losses matter in small pictures: at 128 pixels, a probe is three wide.
    """
    picture = developed.picture(path)
    probes = ENTRIES[path]["probes"]
    with Image.open(picture.renditions[0].path) as rendition:
        rgba = rendition.convert("RGBA")
    with warnings.catch_warnings(action="ignore"), Image.open(FOLDER / path) as image:
        reference = _encoded(_reference(image).resize(rgba.size, Image.Resampling.LANCZOS), picture.renditions[0].path)

    boxes = [_box(rgba, point, probes["box_half"]) for point in probes["points"] if point["alpha"] == 255]
    differences = [
        charts.difference(charts.lab(_mean_colour(rgba, box)), charts.lab(_mean_colour(reference, box)))
        for box in boxes
    ]

    assert max(differences, default=0) < 1.5
