"""A process is killed at each place where rows and files could fall out of step. After a restart they agree."""

import signal

import pytest
import requests

from processing.lib.failpoints import Point
from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import QUICK, Figures
from tests.installation import Installation
from tests.processing import making

pytestmark = pytest.mark.faults

PHOTOS = 3
SECONDS = 240
"""Within which a process reaches its point, on a machine that does much else."""
WEB_POINTS = (f"{Point.BYTES_ARRIVE}:2", f"{Point.FILE_WRITTEN}:2", f"{Point.BEFORE_BELL}:2")
WORKER_POINTS = (
    f"{Point.CLAIMED}:2",
    f"{Point.BETWEEN_RENDITIONS}:3",
    f"{Point.BEFORE_PHOTO}:2",
    f"{Point.BEFORE_DELETE}:2",
)
DELETING_POINTS = (Point.ROWS_GOING, f"{Point.BEFORE_DELETE}:4", f"{Point.AFTER_DELETE}:4")
UNFINISHED = "SELECT count(*) FROM processing_batch WHERE finished_at IS NULL AND album_id = {}"
UNPROVED = "SELECT count(*) FROM albums_photo WHERE verified_at IS NULL AND album_id = {}"
RERENDERING_POINTS = (
    f"{Point.BETWEEN_RENDITIONS}:3",
    f"{Point.BEFORE_RENDITIONS}:2",
    f"{Point.BEFORE_DELETE}:1",
    f"{Point.AFTER_DELETE}:3",
)
RENDITIONS = """
    SELECT made.recipe, made.edge, made.format, count(*) FROM albums_rendition made
    JOIN albums_photo photo ON photo.id = made.photo_id WHERE photo.album_id = {} GROUP BY 1, 2, 3 ORDER BY 2, 3
"""
RERENDERS = "SELECT * FROM processing_rerender"
OTHERWISE = {"RENDITION_EDGES": "600,300", "AVIF": "yes", "AVIF_QUALITY": "40"}
SWEEPING_POINTS = (Point.BEFORE_DELETE, f"{Point.AFTER_DELETE}:2")


@pytest.fixture
def installation(tmp_path):
    with Installation(tmp_path, QUICK) as installation:
        yield installation


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """One whose web server is well, and may be shared."""
    with Installation(tmp_path_factory.mktemp("serving"), QUICK) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def album(serving, photos):
    """One to which all photos have just been sent, and acknowledged."""
    session = serving.sign_in()
    album = serving.new_album(session, "Summer")
    assert serving.send(session, album, photos).ok
    yield album
    if "run_huey" in serving.processes:
        serving.kill("run_huey")


@pytest.fixture
def photos():
    return {f"{number}.jpg": making.jpeg((900, 600)) for number in range(PHOTOS)}


@pytest.mark.parametrize("point", WEB_POINTS)
def test_the_web_process_dies_while_photos_are_sent(installation, photos, point):
    installation.start("serve", env={"DARKROOM_FAULT": point})
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")

    with pytest.raises(requests.ConnectionError):
        installation.send(session, album, photos)
    assert_web_was_killed(installation)
    restart(installation, "serve")
    installation.start("run_huey")
    aftermath.settle(installation)

    assert installation.send(session, album, photos).ok
    assert_all_are_photos(installation, album, photos)


@pytest.mark.parametrize("point", [pytest.param(WORKER_POINTS[0], marks=pytest.mark.smoke), *WORKER_POINTS[1:]])
def test_the_worker_dies_while_photos_are_developed(serving, album, photos, point):
    assert serving.start("run_huey", env={"DARKROOM_FAULT": point}).wait(SECONDS) == -signal.SIGKILL
    restart(serving, "run_huey")

    assert_all_are_photos(serving, album, photos)


def test_the_worker_dies_while_it_reads_a_photo_back(serving, album, photos):
    fault = {"DARKROOM_FAULT": f"{Point.READING_BACK}:2"}
    assert serving.start("run_huey", env=fault).wait(SECONDS) == -signal.SIGKILL
    restart(serving, "run_huey")

    assert_all_are_photos(serving, album, photos)
    polling.until(lambda: serving.ask(UNPROVED.format(album)) == [(0,)], 240, "a photo is not read back")


def test_the_worker_dies_between_the_last_photo_and_the_end_of_the_batch(serving, album, photos):
    fault = {"DARKROOM_FAULT": f"{Point.BEFORE_BATCH_END}:{PHOTOS}"}
    assert serving.start("run_huey", env=fault).wait(SECONDS) == -signal.SIGKILL
    assert serving.ask(UNFINISHED.format(album)) == [(1,)]
    restart(serving, "run_huey")

    assert_all_are_photos(serving, album, photos)
    polling.until(lambda: serving.ask(UNFINISHED.format(album)) == [(0,)], what="no sweep records the end of the batch")


@pytest.mark.parametrize("point", RERENDERING_POINTS)
def test_the_worker_dies_while_photos_are_rendered_again(serving, album, photos, point):
    serving.start("run_huey")
    assert_all_are_photos(serving, album, photos)
    polling.until(lambda: serving.ask(UNPROVED.format(album)) == [(0,)], 240, "a photo is not read back")
    before = serving.ask(RENDITIONS.format(album))
    serving.kill("run_huey")
    serving.manage("rerender", "--album", str(album), env=OTHERWISE)

    assert serving.start("run_huey", env=OTHERWISE | {"DARKROOM_FAULT": point}).wait(SECONDS) == -signal.SIGKILL
    serving.kill("run_huey")
    aftermath.expire(serving)
    serving.start("run_huey", env=OTHERWISE)
    polling.until(lambda: serving.ask(RERENDERS) == [], what="a photo is never rendered again")

    assert_all_are_photos(serving, album, photos)
    made = serving.ask(RENDITIONS.format(album))
    assert [row[1:] for row in before] == [(edge, "webp", PHOTOS) for edge in (400, 800, 900)]
    assert [row[1:] for row in made] == [(edge, form, PHOTOS) for edge in (300, 600) for form in ("avif", "webp")]
    assert len({recipe for recipe, *_ in made}) == 1


@pytest.mark.parametrize("point", SWEEPING_POINTS)
def test_a_sweep_dies_while_it_clears_leftovers(serving, album, photos, point):
    worker = serving.start("run_huey", env={"DARKROOM_FAULT": Point.BEFORE_PHOTO})
    assert worker.wait(SECONDS) == -signal.SIGKILL

    aftermath.expire(serving)
    polling.until(lambda: sweep(serving, point) == -signal.SIGKILL, what="there is nothing to clear")
    restart(serving, "run_huey")

    assert_all_are_photos(serving, album, photos)


@pytest.mark.parametrize("point", DELETING_POINTS)
def test_the_web_process_dies_while_an_album_is_deleted(installation, photos, point):
    installation.start("run_huey")
    installation.start("serve", env={"DARKROOM_FAULT": point})
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")
    assert installation.send(session, album, photos).ok
    other = installation.new_album(session, "Winter")
    polling.until(lambda: not installation.ask(aftermath.LOCKED))

    with pytest.raises(requests.ConnectionError):
        installation.delete_album(session, album)
    assert_web_was_killed(installation)
    restart(installation, "serve")
    aftermath.settle(installation)

    assert installation.delete_album(session, album).status_code in (302, 404)
    assert installation.send(session, other, photos).ok
    assert_all_are_photos(installation, other, photos)


def sweep(installation: Installation, fault: str) -> int:
    return installation.manage("sweep", env={"DARKROOM_FAULT": fault}, status=None).returncode


def restart(installation: Installation, name: str) -> None:
    """What the killed process held times out meanwhile. Nothing else is at work."""
    installation.kill(name)
    aftermath.expire(installation)
    installation.start(name)


def assert_web_was_killed(installation: Installation) -> None:
    """By the words of its parent, gunicorn."""
    polling.until(lambda: "was sent SIGKILL" in installation.log.read_text(), what="no web process was killed")


def assert_all_are_photos(installation: Installation, album: int, photos: dict[str, bytes]) -> None:
    """Once each, with nothing left over."""
    aftermath.settle(installation)
    sent = aftermath.sent_to(album, photos.values())
    assert aftermath.figures(installation, sent, acknowledged=sent) == Figures(PHOTOS, PHOTOS, PHOTOS, failed=0)
