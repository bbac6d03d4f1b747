"""Photos that users rotate: rendered again with their orientation, at most as often as needed, and never published wrongly."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from huey.contrib.djhuey import HUEY
from PIL import ExifTags, Image

from albums.edits import rotation
from albums.models import Album, Leftover, Operation, Photo
from albums.operations import engine
from albums.selection import Selection
from processing.integrity import consistency, post_write
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.maintenance import sweep
from processing.models import ProcessingJob, Rerender
from processing.rendering import rerender, worker
from tests.albums.edits.conftest import described
from tests.processing import making

pytestmark = pytest.mark.django_db

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 180, 20), (20, 20, 220), (250, 250, 250)
CORNERS = [RED, GREEN, BLUE, WHITE]
"""The colours of a picture at the top left, top right, bottom left and bottom right."""
RIGHT, FLIPPED = [BLUE, RED, WHITE, GREEN], [GREEN, RED, WHITE, BLUE]


def corners_jpeg(file_orientation: int = 1) -> bytes:
    """A JPEG of 60 by 40 pixels whose corners have different colours when it is upright."""
    image = Image.new("RGB", (2, 2))
    image.putdata(CORNERS)
    image = image.resize((60, 40), Image.Resampling.NEAREST)
    if file_orientation == 6:
        image = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = file_orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


@pytest.fixture
def photo(album) -> Photo:
    return processed(album, corners_jpeg())


@pytest.fixture
def before_publishing(monkeypatch):
    """Calls a function once when the new files are written and not published yet."""

    def set_action(action):
        actions = [action]
        monkeypatch.setattr(
            failpoints,
            "reach",
            lambda point: actions.pop()() if point == Point.BEFORE_RENDITIONS and actions else None,
        )

    return set_action


def processed(album: Album, content: bytes) -> Photo:
    job = making.received(album, content)
    assert worker.develop_next()
    while post_write.verify_next():
        pass
    return ProcessingJob.objects.get(pk=job.pk).photo


def rotate(photo: Photo, turn: str) -> Operation:
    return rotation.rotate(photo.album.owner, Selection(ids=(photo.pk,)), turn)


def render_all() -> int:
    count = 0
    while rerender.render_next():
        count += 1
    return count


def shown(photo: Photo) -> tuple[tuple[int, int], list[tuple[int, int, int]]]:
    """The size of the photo's rendition, and the colours of its corners."""
    with default_storage.open(photo.renditions.get().key) as file, Image.open(file) as image:
        width, height = image.size
        points = [(5, 5), (width - 6, 5), (5, height - 6), (width - 6, height - 6)]
        pixels: list[Any] = [image.convert("RGB").getpixel(point) for point in points]
    return (width, height), [min(CORNERS, key=lambda colour: _distance(colour, pixel)) for pixel in pixels]


def _distance(colour: tuple[int, ...], pixel: tuple[int, ...]) -> int:
    return sum(abs(one - other) for one, other in zip(colour, pixel, strict=True))


@pytest.mark.parametrize("file_orientation", [1, 6])
@pytest.mark.parametrize(("turn", "size", "corners"), [("right", (40, 60), RIGHT), ("flip", (60, 40), FLIPPED)])
def test_a_rotated_photo_is_rendered_with_its_orientation(album, file_orientation, turn, size, corners):
    photo = processed(album, corners_jpeg(file_orientation))
    old_url, old_placeholder = photo.renditions.get().get_absolute_url(), photo.placeholder
    assert shown(photo) == ((60, 40), CORNERS)

    rotate(photo, turn)
    photo.refresh_from_db()
    assert ((photo.width, photo.height), shown(photo)) == (size, ((60, 40), CORNERS))

    assert render_all() == 1
    photo.refresh_from_db()
    assert ((photo.width, photo.height), shown(photo)) == (size, (size, corners))
    assert photo.renditions.get().orientation == photo.orientation
    assert photo.renditions.get().get_absolute_url() != old_url
    assert (photo.placeholder != old_placeholder, photo.file_orientation) == (True, file_orientation)
    with default_storage.open(photo.original_key) as original:
        assert original.read() == corners_jpeg(file_orientation)


def test_three_rotations_in_a_row_are_rendered_once(photo):
    for _ in range(3):
        rotate(photo, "right")

    assert (Rerender.objects.count(), render_all()) == (1, 1)
    assert shown(photo) == ((40, 60), [GREEN, WHITE, RED, BLUE])


def test_a_photo_that_is_turned_back_before_it_is_rendered_leaves_the_queue(photo):
    operation = rotate(photo, "left")
    engine.undo(operation)

    assert (Rerender.objects.count(), shown(photo)) == (0, ((60, 40), CORNERS))


def test_a_rotation_is_undone_also_after_it_was_rendered(photo):
    before = Photo.objects.values("orientation", "width", "height", "placeholder").get()
    operation = rotate(photo, "right")
    render_all()

    assert engine.undo(operation).kept == 0
    assert render_all() == 1
    assert Photo.objects.values("orientation", "width", "height", "placeholder").get() == before
    assert shown(photo) == ((60, 40), CORNERS)


def test_undoing_keeps_a_photo_that_was_rotated_since(photo):
    operation = rotate(photo, "right")
    rotate(photo, "flip")

    assert engine.undo(operation).kept == 1
    assert Photo.objects.get().orientation == 5


def test_a_photo_rotated_while_it_is_rendered_is_rendered_again(photo, before_publishing):
    rotate(photo, "right")
    before_publishing(lambda: rotate(photo, "right"))

    assert rerender.render_next()
    assert shown(photo) == ((60, 40), CORNERS)
    assert set(Rerender.objects.values_list("claim", "attempts")) == {(None, 0)}

    assert render_all() == 1
    photo.refresh_from_db()
    assert ((photo.width, photo.height), shown(photo)) == ((60, 40), ((60, 40), CORNERS[::-1]))
    Leftover.objects.update(created_at=timezone.now() - timedelta(days=1))
    sweep.sweep()
    assert consistency.verify().is_clean


def test_a_photo_turned_back_while_it_is_rendered_ends_as_it_was(photo, before_publishing):
    operation = rotate(photo, "right")
    before_publishing(lambda: engine.undo(operation))

    render_all()
    assert (Rerender.objects.count(), shown(photo)) == (0, ((60, 40), CORNERS))


def test_the_sweep_wakes_a_worker_whose_message_was_lost(photo):
    rotate(photo, "right")
    HUEY.storage.flush_queue()

    assert sweep.sweep().wakeups == 1


def test_pages_turn_the_old_renditions_until_the_new_ones_are_there(photo, owner):
    client = Client()
    client.force_login(owner)
    rotate(photo, "left")
    assert (
        'class="viewer__picture turned turned--8 turned--quarter"'
        in client.get(f"/photos/{photo.pk}/").content.decode()
    )
    assert 'frame turned turned--8 turned--quarter"' in client.get(f"/albums/{photo.album_id}/").content.decode()

    render_all()
    assert "turned--" not in client.get(f"/photos/{photo.pk}/").content.decode()
    assert "turned--" not in client.get(f"/albums/{photo.album_id}/").content.decode()


def test_rotating_takes_the_same_number_of_queries_for_any_number_of_photos(album):
    album.owner.get_all_permissions()
    counts = []
    for photo_count in (3, 100):
        described(album, photo_count)
        with CaptureQueriesContext(connection) as queries:
            rotation.rotate(album.owner, Selection(is_all=True, album_id=album.pk), "right")
        counts.append(len(queries))
        Photo.objects.all().delete()

    assert counts[0] == counts[1]
