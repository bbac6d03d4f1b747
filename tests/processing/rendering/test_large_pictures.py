"""Pictures that need more memory than usual are processed one at a time, with no more memory than is free."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected
from processing.rendering import large_pictures
from processing.rendering.sandbox import MEBI, Sandbox
from tests.pipeline.test_memory_limits import BOMBS

MEGA = 1_000_000


@pytest.fixture(autouse=True)
def _all_memory(settings):
    settings.MEMORY_MARK = 100


def test_slightly_more_memory_is_granted_than_needed(settings):
    with large_pictures.granted(100 * MEGA) as granted:
        assert granted == pytest.approx(115 * MEGA)


def test_memory_above_the_setting_is_refused_permanently(settings):
    settings.PIPELINE_MEMORY_LARGE_BYTES = 100 * MEGA

    with pytest.raises(ImageRejected) as caught, large_pictures.granted(100 * MEGA):
        pass

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)
    assert "Nothing is damaged" in caught.value.message


def test_more_memory_than_the_machine_has_is_refused_permanently(settings):
    settings.PIPELINE_MEMORY_LARGE_BYTES = 1 << 60

    with pytest.raises(ImageRejected) as caught, large_pictures.granted(1 << 55):
        pass

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


def test_only_one_large_picture_is_processed_at_a_time_the_next_is_retried(settings):
    with large_pictures.granted(MEGA), pytest.raises(ImageRejected) as caught, large_pictures.granted(MEGA):
        pass

    assert (caught.value.code, caught.value.permanent) == ("out-of-memory", False)
    assert "Another large picture" in caught.value.message
    with large_pictures.granted(MEGA):
        pass


@pytest.fixture
def heavy_picture(tmp_path: Path) -> Path:
    """A picture of 12 megapixels, which takes 134 MB and cannot be read in bands."""
    Image.new("RGB", (4000, 3000), (10, 120, 200)).save(tmp_path / "photo.bmp", "BMP")
    return tmp_path / "photo.bmp"


def test_a_picture_that_needs_more_memory_gets_its_own_process(heavy_picture: Path, tmp_path: Path):
    requested_bytes = []

    @contextlib.contextmanager
    def grant(needed: int):
        requested_bytes.append(needed)
        yield 2 * needed

    with Sandbox(memory_bytes=110 * MEBI, grant=grant) as sandbox:
        picture = sandbox.develop(heavy_picture, tmp_path / "out")
        assert sandbox.pid is None  # its memory is given back at once

    assert (picture.width, picture.height) == (4000, 3000)
    assert [100 * MEGA < needed < 200 * MEGA for needed in requested_bytes] == [True]


def test_a_large_picture_is_rejected_without_a_grant(heavy_picture: Path, tmp_path: Path):
    with Sandbox(memory_bytes=110 * MEBI) as sandbox, pytest.raises(ImageRejected) as caught:
        sandbox.develop(heavy_picture, tmp_path / "out")

    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


def test_no_memory_is_granted_for_more_pixels_than_a_camera_makes(tmp_path: Path):
    """The header declares 900 megapixels of one bit each."""
    source = tmp_path / "bomb"
    source.write_bytes(BOMBS["png"])
    recipe = replace(DEFAULT, limits=replace(DEFAULT.limits, other_pixels=10**12))

    def grant(needed: int):
        raise AssertionError

    with Sandbox(recipe=recipe, grant=grant) as sandbox, pytest.raises(ImageRejected) as caught:
        sandbox.develop(source, tmp_path / "out")

    assert caught.value.code == "too-heavy"
