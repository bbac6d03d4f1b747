"""Every real photo of the manifest: verdict, upright size, time, place, words and measured colours."""

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
from processing.pipeline.formats import opener  # noqa: F401 - teaches Pillow HEIF here too
from processing.rendering.sandbox import Sandbox
from tests.pipeline import charts

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[3] / "shared" / "photos"
FOLDER = Path(os.environ.get("DARKROOM_PHOTOS", BESIDE_THE_PROJECT))
Entry = dict[str, Any]


def _entries() -> list[Entry]:
    manifest = FOLDER / "manifest.json"
    return json.loads(manifest.read_text())["entries"] if manifest.exists() else []


ENTRIES = {entry["path"]: entry for entry in _entries()}
pytestmark = pytest.mark.skipif(not ENTRIES, reason="no real photos here")


def _with(*keys: str) -> list[str]:
    shown = {path: entry["metadata"] for path, entry in ENTRIES.items() if entry["expected"] != "reject"}
    return [path for path, metadata in shown.items() if any(metadata.get(key) for key in keys)]


class Developed:
    """Each file is developed once, by one child, whichever test asks first."""

    def __init__(self, sandbox: Sandbox, out: Path) -> None:
        self._sandbox, self._out = sandbox, out

    @cache  # noqa: B019 - lives as long as the module's tests.
    def __getitem__(self, path: str) -> Picture | ImageRejected:
        try:
            return self._sandbox.develop(FOLDER / path, self._out / path.replace("/", "-"))
        except ImageRejected as refused:
            return refused

    def picture(self, path: str) -> Picture:
        """The picture; a test of what an accepted picture looks like skips where refusing is right too."""
        found = self[path]
        if isinstance(found, ImageRejected):
            assert ENTRIES[path]["expected"] != "accept", f"{found.code}: {found.message}"
            pytest.skip(f"refused: {found.code}")
        return found


@pytest.fixture(scope="module")
def developed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developed]:
    with Sandbox() as sandbox:
        yield Developed(sandbox, tmp_path_factory.mktemp("renditions"))


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "accept"])
def test_accepts_a_photo_at_its_upright_size(developed: Developed, path: str) -> None:
    picture = developed.picture(path)

    assert [picture.width, picture.height] == ENTRIES[path]["upright"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "reject"])
def test_refuses_for_good_and_says_why(developed: Developed, path: str) -> None:
    refused = developed[path]

    assert isinstance(refused, ImageRejected)
    assert refused.permanent
    assert refused.message.endswith(".")


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "either"])
def test_either_accepts_at_the_upright_size_or_refuses_for_good(developed: Developed, path: str) -> None:
    found = developed[path]

    if isinstance(found, ImageRejected):
        assert (found.permanent, found.code in ("crashed", "timeout")) == (True, False)
    else:
        assert [found.width, found.height] == ENTRIES[path]["upright"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e.get("probes", {}).get("points")])
def test_shows_the_right_colours_in_the_right_places(developed: Developed, path: str) -> None:
    picture = developed.picture(path)
    probes = ENTRIES[path]["probes"]

    with Image.open(picture.renditions[0].path) as rendition:
        measured = [_mean(rendition.convert("RGBA"), point, probes["box_half"]) for point in probes["points"]]

    wrong = [(m, p) for m, p in zip(measured, probes["points"], strict=True) if not _matches(m, p)]
    assert wrong == []


@pytest.mark.parametrize("path", _with("date_time_original"))
def test_knows_when_it_was_taken(developed: Developed, path: str) -> None:
    taken_at = developed.picture(path).metadata.taken_at
    date, _, time = ENTRIES[path]["metadata"]["date_time_original"].partition(" ")

    assert taken_at is not None
    assert taken_at[:19] == f"{date.replace(':', '-')}T{time[:8]}"


@pytest.mark.parametrize("path", _with("offset_time_original"))
def test_knows_the_offset_from_utc(developed: Developed, path: str) -> None:
    taken_at = developed.picture(path).metadata.taken_at

    assert taken_at is not None
    assert taken_at[-6:] == ENTRIES[path]["metadata"]["offset_time_original"]


@pytest.mark.parametrize("path", [p for p, e in ENTRIES.items() if e["expected"] == "accept"])
def test_knows_where_it_was_taken(developed: Developed, path: str) -> None:
    gps = developed.picture(path).metadata.gps
    expected = ENTRIES[path]["metadata"]

    assert (gps is not None) == expected["gps_present"]
    if gps and "gps" in expected:
        assert [gps.latitude, gps.longitude] == pytest.approx(expected["gps"], abs=1e-5)


@pytest.mark.parametrize("path", _with("keywords"))
def test_knows_its_keywords(developed: Developed, path: str) -> None:
    keywords = developed.picture(path).metadata.keywords
    expected = {str(word) for words in ENTRIES[path]["metadata"]["keywords"].values() for word in words}

    assert set(keywords) == expected


OF_CAMERAS = {"photos/DJI_0025.JPG"}
"""What exiftool gives as their caption, the camera wrote."""


@pytest.mark.parametrize("path", _with("captions"))
def test_knows_its_caption(developed: Developed, path: str) -> None:
    caption = developed.picture(path).metadata.caption
    captions = ENTRIES[path]["metadata"]["captions"]

    expected = "" if path in OF_CAMERAS else next(captions[key] for key in CAPTION_ORDER if key in captions)
    assert (caption or "").encode("ascii", "ignore") == expected.replace("?", "").encode("ascii", "ignore")


@pytest.mark.parametrize("path", _with("artist", "copyright", "rating"))
def test_knows_who_made_it_and_how_good_it_is(developed: Developed, path: str) -> None:
    metadata = developed.picture(path).metadata
    expected = ENTRIES[path]["metadata"]

    told = (metadata.creator, metadata.copyright, metadata.rating)
    assert told == (expected.get("artist"), expected.get("copyright"), expected.get("rating"))


@pytest.mark.parametrize(
    ("path", "payload"),
    [("survive/phar-jpg-polyglot.jpg", b"<?php"), ("survive/GIF_exploit.gif", b"<?php")],
)
def test_renditions_of_a_polyglot_lack_its_payload(developed: Developed, path: str, payload: bytes) -> None:
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
    """All pixels upright, converted by lcms before anything else is done to them."""
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
    if profile and upright.mode in ("RGB", "L", "CMYK"):
        return charts.by_lcms(upright, profile)
    colours = upright.convert("RGB")
    shown = charts.by_lcms(colours, profile) if profile and upright.mode in ("RGBA", "P") else colours
    if upright.mode == "RGBA":
        shown.putalpha(upright.getchannel("A"))
    return shown


def _encoded(image: Image.Image, like: str) -> Image.Image:
    """As WebP of about as many bytes as that rendition, which may be worse in order not to be larger than its original."""
    there = Path(like).read_bytes()
    rung = next(rung for rung in DEFAULT.rungs_for(image.size) if str(rung.edge) == Path(like).stem)
    for quality in range(rung.quality, -1, -2):
        buffer = BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=rung.method)
        if buffer.tell() <= 1.02 * len(there) or there[12:16] == b"VP8L":
            break
    with Image.open(buffer) as decoded:
        return decoded.convert("RGB")


def _mean(rendition: Image.Image, point: Entry, half: list[float]) -> list[float]:
    return ImageStat.Stat(rendition.crop(_box(rendition, point, half))).mean


def _of(image: Image.Image, box: tuple[int, int, int, int]) -> tuple[float, ...]:
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
    return all(abs(seen - told) <= point["tolerance"] for seen, told in zip(mean, point["srgb"], strict=False))


REFERENCED = ("JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF", "MPO", "GIF", "BMP")


@pytest.mark.parametrize(
    "path",
    [
        p
        for p, e in ENTRIES.items()
        if e.get("probes", {}).get("points") and e["format"] in REFERENCED and "16bit" not in e["tags"]
    ],
)
def test_no_probe_is_farther_from_lcms_at_full_size_than_an_eye_would_notice(developed: Developed, path: str) -> None:
    """Not of sixteen bits, which Pillow cuts before lcms gets them.

    What WebP loses, it loses of the reference too: in a picture of 128 pixels a probe is three pixels wide.
    """
    picture = developed.picture(path)
    probes = ENTRIES[path]["probes"]
    with Image.open(picture.renditions[0].path) as rendition:
        shown = rendition.convert("RGBA")
    with warnings.catch_warnings(action="ignore"), Image.open(FOLDER / path) as image:
        reference = _encoded(_reference(image).resize(shown.size, Image.Resampling.LANCZOS), picture.renditions[0].path)

    boxes = [_box(shown, point, probes["box_half"]) for point in probes["points"] if point["alpha"] == 255]
    apart = [charts.difference(charts.lab(_of(shown, box)), charts.lab(_of(reference, box))) for box in boxes]

    assert max(apart, default=0) < 1.5
