"""A process is killed at each point where rows and files could disagree. After a restart they agree."""

import signal

import pytest
import requests

from processing.lib.failpoints import Point
from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import QUICK, Figures
from tests.installation import Installation, token
from tests.processing import making

pytestmark = pytest.mark.faults

PHOTOS = 3
SECONDS = 240
"""Time limit for a process to reach its crash point, even on a busy machine."""
WEB_POINTS = (f"{Point.BYTES_ARRIVE}:2", f"{Point.FILE_WRITTEN}:2", f"{Point.BEFORE_WAKEUP}:2")
WORKER_POINTS = (
    f"{Point.CLAIMED}:2",
    f"{Point.BETWEEN_RENDITIONS}:3",
    f"{Point.BEFORE_PHOTO}:2",
    f"{Point.BEFORE_DELETE}:2",
)
DELETING_POINTS = (Point.ROWS_GOING, f"{Point.BEFORE_DELETE}:4", f"{Point.AFTER_DELETE}:4")
UNFINISHED_BATCHES = "SELECT count(*) FROM processing_batch WHERE finished_at IS NULL AND album_id = {}"
UNVERIFIED_PHOTOS = "SELECT count(*) FROM albums_photo WHERE verified_at IS NULL AND album_id = {}"
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
SIZES = "SELECT width, height, orientation, count(*) FROM albums_photo WHERE album_id = {} GROUP BY 1, 2, 3"
RERENDERS = "SELECT * FROM processing_rerender"
OTHER_RECIPE = {"RENDITION_EDGES": "600,300", "AVIF": "yes", "AVIF_QUALITY": "40"}
SWEEPING_POINTS = (Point.BEFORE_DELETE, f"{Point.AFTER_DELETE}:2")


@pytest.fixture
def installation(tmp_path):
    with Installation(tmp_path, QUICK) as installation:
        yield installation


@pytest.fixture(scope="module")
def shared_installation(tmp_path_factory):
    """An installation with a running web server, shared by the tests of this module."""
    with Installation(tmp_path_factory.mktemp("serving"), QUICK) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def album(shared_installation, photos):
    """An album with photos that have just been received."""
    session = shared_installation.sign_in()
    album = shared_installation.new_album(session, "Summer")
    assert shared_installation.send(session, album, photos).ok
    yield album
    if "run_huey" in shared_installation.processes:
        shared_installation.kill("run_huey")


@pytest.fixture
def photos():
    return {f"{number}.jpg": making.jpeg((900, 600)) for number in range(PHOTOS)}


@pytest.mark.parametrize("point", WEB_POINTS)
def test_a_web_process_killed_while_it_receives_photos_loses_nothing(installation, photos, point):
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
def test_a_worker_killed_while_it_processes_photos_loses_nothing(shared_installation, album, photos, point):
    assert shared_installation.start("run_huey", env={"DARKROOM_FAULT": point}).wait(SECONDS) == -signal.SIGKILL
    restart(shared_installation, "run_huey")

    assert_all_are_photos(shared_installation, album, photos)


def test_a_photo_is_read_back_after_the_worker_was_killed_while_doing_so(shared_installation, album, photos):
    fault = {"DARKROOM_FAULT": f"{Point.READING_BACK}:2"}
    assert shared_installation.start("run_huey", env=fault).wait(SECONDS) == -signal.SIGKILL
    restart(shared_installation, "run_huey")

    assert_all_are_photos(shared_installation, album, photos)
    polling.until(
        lambda: shared_installation.ask(UNVERIFIED_PHOTOS.format(album)) == [(0,)], 240, "a photo is not read back"
    )


def test_a_sweep_ends_the_batch_of_a_worker_killed_after_the_last_photo(shared_installation, album, photos):
    fault = {"DARKROOM_FAULT": f"{Point.BEFORE_BATCH_END}:{PHOTOS}"}
    assert shared_installation.start("run_huey", env=fault).wait(SECONDS) == -signal.SIGKILL
    assert shared_installation.ask(UNFINISHED_BATCHES.format(album)) == [(1,)]
    restart(shared_installation, "run_huey")

    assert_all_are_photos(shared_installation, album, photos)
    polling.until(
        lambda: shared_installation.ask(UNFINISHED_BATCHES.format(album)) == [(0,)],
        what="no sweep records the end of the batch",
    )


@pytest.mark.parametrize("point", RERENDERING_POINTS)
def test_a_worker_killed_while_it_renders_photos_again_loses_nothing(shared_installation, album, photos, point):
    shared_installation.start("run_huey")
    assert_all_are_photos(shared_installation, album, photos)
    polling.until(
        lambda: shared_installation.ask(UNVERIFIED_PHOTOS.format(album)) == [(0,)], 240, "a photo is not read back"
    )
    before = shared_installation.ask(RENDITIONS.format(album))
    shared_installation.kill("run_huey")
    shared_installation.manage("rerender", "--album", str(album), env=OTHER_RECIPE)

    assert (
        shared_installation.start("run_huey", env=OTHER_RECIPE | {"DARKROOM_FAULT": point}).wait(SECONDS)
        == -signal.SIGKILL
    )
    shared_installation.kill("run_huey")
    aftermath.expire(shared_installation)
    shared_installation.start("run_huey", env=OTHER_RECIPE)
    polling.until(lambda: shared_installation.ask(RERENDERS) == [], what="a photo is never rendered again")

    assert_all_are_photos(shared_installation, album, photos)
    after = shared_installation.ask(RENDITIONS.format(album))
    assert [row[1:] for row in before] == [(edge, "webp", PHOTOS) for edge in (400, 800, 900)]
    assert [row[1:] for row in after] == [
        (edge, format_name, PHOTOS) for edge in (300, 600) for format_name in ("avif", "webp")
    ]
    assert len({recipe for recipe, *_ in after}) == 1


@pytest.mark.parametrize(
    ("process", "point"), [("serve", f"{Point.BEFORE_WAKEUP}:1"), ("run_huey", f"{Point.BEFORE_RENDITIONS}:2")]
)
def test_rotated_photos_are_rendered_although_a_process_was_killed(installation, photos, process, point):
    installation.start("serve")
    installation.start("run_huey")
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")
    assert installation.send(session, album, photos).ok
    assert_all_are_photos(installation, album, photos)
    installation.kill(process)
    installation.start(process, env={"DARKROOM_FAULT": point})

    if process == "serve":
        with pytest.raises(requests.ConnectionError):
            rotate_all(installation, session, album)
        assert_web_was_killed(installation)
    else:
        assert rotate_all(installation, session, album).ok
        assert installation.processes[process].wait(SECONDS) == -signal.SIGKILL
    restart(installation, process)
    polling.until(lambda: installation.ask(RERENDERS) == [], SECONDS, "a rotated photo is never rendered")

    assert_all_are_photos(installation, album, photos)
    renditions = installation.ask(RENDITIONS.format(album))
    assert [(recipe.endswith("-o6"), edge, count) for recipe, edge, _, count in renditions] == [
        (True, edge, PHOTOS) for edge in (400, 800, 900)
    ]
    assert installation.ask(SIZES.format(album)) == [(600, 900, 6, PHOTOS)]


@pytest.mark.parametrize("point", SWEEPING_POINTS)
def test_a_sweep_killed_while_it_deletes_leftovers_loses_nothing(shared_installation, album, photos, point):
    worker = shared_installation.start("run_huey", env={"DARKROOM_FAULT": Point.BEFORE_PHOTO})
    assert worker.wait(SECONDS) == -signal.SIGKILL

    aftermath.expire(shared_installation)
    polling.until(lambda: sweep(shared_installation, point) == -signal.SIGKILL, what="no leftover is deleted")
    restart(shared_installation, "run_huey")

    assert_all_are_photos(shared_installation, album, photos)


@pytest.mark.parametrize("point", DELETING_POINTS)
def test_a_web_process_killed_while_it_deletes_an_album_leaves_no_orphan(installation, photos, point):
    installation.start("run_huey")
    installation.start("serve", env={"DARKROOM_FAULT": point})
    session = installation.sign_in()
    album = installation.new_album(session, "Summer")
    assert installation.send(session, album, photos).ok
    other_album = installation.new_album(session, "Winter")
    polling.until(lambda: not installation.ask(aftermath.LOCKED))

    with pytest.raises(requests.ConnectionError):
        installation.delete_album(session, album)
    assert_web_was_killed(installation)
    restart(installation, "serve")
    aftermath.settle(installation)

    assert installation.delete_album(session, album).status_code in (302, 404)
    assert installation.send(session, other_album, photos).ok
    assert_all_are_photos(installation, other_album, photos)


def rotate_all(installation: Installation, session: requests.Session, album: int) -> requests.Response:
    fields = {"all": "1", "album": str(album), "turn": "right", "csrfmiddlewaretoken": token(session)}
    return session.post(f"{installation.url}/selection/rotate/", fields, timeout=SECONDS)


def sweep(installation: Installation, fault: str) -> int:
    return installation.manage("sweep", env={"DARKROOM_FAULT": fault}, status=None).returncode


def restart(installation: Installation, name: str) -> None:
    """Restart the killed process after expiring its uploads and claims. No other process may be active."""
    installation.kill(name)
    aftermath.expire(installation)
    installation.start(name)


def assert_web_was_killed(installation: Installation) -> None:
    """Assert it by the message that its parent, gunicorn, logs."""
    polling.until(lambda: "was sent SIGKILL" in installation.log.read_text(), what="no web process was killed")


def assert_all_are_photos(installation: Installation, album: int, photos: dict[str, bytes]) -> None:
    """Assert that each file is exactly one photo, and that no other file is left."""
    aftermath.settle(installation)
    sent = aftermath.sent_to(album, photos.values())
    assert aftermath.figures(installation, sent, acknowledged=sent) == Figures(PHOTOS, PHOTOS, PHOTOS, failed=0)
