"""A process is killed while it moves, copies, rotates, undoes or purges. The sweep completes it, and rows and files agree."""

import json
import signal
from collections import Counter

import pytest

from processing.lib.failpoints import Point
from tests.faults import aftermath
from tests.faults.aftermath import QUICK
from tests.installation import NAME, Installation

pytestmark = pytest.mark.faults

PHOTOS = 5
"""A pair and three others; in the selection a pair is one."""
FILL = f"""
from django.contrib.auth.models import User
from albums.models import Album
from tests.albums.moving import library
owner = User.objects.get(username="{NAME}")
album = Album.objects.create(title="Summer", owner=owner)
target = Album.objects.create(title="Rome", owner=owner)
library.pair(album, 1)
for position in (10, 20, 30):
    library.photo(album, position)
print(album.pk, target.pk)
"""
START = f"""
from django.contrib.auth.models import User
from albums import operations
from albums.moving.duplication import Copy
from albums.operations import engine
from albums.selection import Selection
engine.STEP_PHOTOS = Copy.step_photos = 1
owner = User.objects.get(username="{NAME}")
selection = Selection(is_all=True, album_id={{album}})
operations.start(owner, "{{kind}}", {{{{"album": {{target}}, "known": 0}}}}, selection)
"""
UNDO = """
from albums.models import Operation
from albums.operations import engine
engine.undo(Operation.objects.get())
"""
ROTATE = f"""
from django.contrib.auth.models import User
from albums import operations
from albums.operations import engine
from albums.selection import Selection
engine.STEP_PHOTOS = 1
selection = Selection(is_all=True, album_id={{album}})
operations.start(User.objects.get(username="{NAME}"), "rotate", {{{{"turn": "right"}}}}, selection)
"""
SHAPES = "SELECT id, album_id, position, orientation, width, height FROM albums_photo ORDER BY id"
TRASH = {
    "photos": f"UPDATE albums_photo SET trashed_at = {aftermath.LONG_AGO} WHERE album_id = {{}}",
    "album": f"UPDATE albums_album SET trashed_at = {aftermath.LONG_AGO} WHERE id = {{}}",
}
STATE = "SELECT state, done, skipped, kept FROM albums_operation"
STALLED = f"UPDATE albums_operation SET updated_at = {aftermath.LONG_AGO}"
COUNT = "SELECT count(*) FROM albums_photo WHERE album_id = {}"


@pytest.fixture
def installation(tmp_path):
    with Installation(tmp_path, QUICK) as installation:
        yield installation


def shell(installation: Installation, code: str, fault: str = "") -> str:
    """Run the code; with `fault`, assert that the process is killed there."""
    status = -signal.SIGKILL if fault else 0
    run = installation.manage("shell", "--no-imports", "-c", code, env={"DARKROOM_FAULT": fault}, status=None)
    assert run.returncode == status, run.stderr
    return str(run.stdout)


def recover(installation: Installation) -> None:
    """Sweep when the killed process' lease has expired, and assert that rows and files agree."""
    installation.change(STALLED)
    installation.manage("sweep")
    installation.change(aftermath.LEFTOVERS)
    installation.manage("sweep")
    report = json.loads(installation.manage("verify", "--json").stdout)
    assert (report["missing"], report["corrupt"], report["orphans"]) == ([], [], [])
    assert installation.ask("SELECT * FROM albums_leftover") == []


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("move", f"{Point.PHOTOS_MOVING}:2"),
        ("copy", f"{Point.COPYING}:5"),
        ("copy", f"{Point.COPIED}:2"),
        ("copy", f"{Point.PHOTOS_MOVING}:2"),
    ],
)
def test_a_killed_operation_is_completed_and_can_be_undone(installation, kind, point):
    album, target = shell(installation, FILL).split()[-2:]
    shell(installation, START.format(kind=kind, album=album, target=target), point)

    recover(installation)

    remaining = PHOTOS if kind == "copy" else 0
    assert installation.ask(STATE) == [("done", PHOTOS - 1, 0, 0)]
    assert (installation.ask(COUNT.format(album)), installation.ask(COUNT.format(target))) == (
        [(remaining,)],
        [(PHOTOS,)],
    )

    shell(installation, UNDO, f"{Point.BEFORE_DELETE}:3" if kind == "copy" else f"{Point.PHOTOS_MOVING}:2")
    recover(installation)

    assert installation.ask(STATE) == [("undone", PHOTOS - 1, 0, 0)]
    assert (installation.ask(COUNT.format(album)), installation.ask(COUNT.format(target))) == ([(PHOTOS,)], [(0,)])


def test_a_killed_rotation_is_completed_and_undone_exactly(installation):
    album = shell(installation, FILL).split()[-2]
    before = installation.ask(SHAPES)
    shell(installation, ROTATE.format(album=album), f"{Point.PHOTOS_TURNING}:2")

    recover(installation)

    assert installation.ask(STATE) == [("done", PHOTOS - 1, 0, 0)]
    assert Counter(row[3] for row in installation.ask(SHAPES)) == {
        6: PHOTOS - 1,
        1: 1,
    }  # the RAW of the pair is not shown

    shell(installation, UNDO, f"{Point.PHOTOS_TURNING}:2")
    recover(installation)

    assert installation.ask(STATE) == [("undone", PHOTOS - 1, 0, 0)]
    assert installation.ask(SHAPES) == before


@pytest.mark.parametrize(
    ("what", "point"),
    [
        ("photos", Point.BEFORE_DELETE),
        ("photos", f"{Point.AFTER_DELETE}:2"),
        ("album", f"{Point.BEFORE_DELETE}:3"),
        ("album", f"{Point.AFTER_DELETE}:4"),
    ],
)
def test_a_killed_purge_of_the_trash_is_completed(installation, what, point):
    album, other = shell(installation, FILL).split()[-2:]
    installation.change(TRASH[what].format(album))

    killed = installation.manage("sweep", env={"DARKROOM_FAULT": point}, status=None)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    recover(installation)

    assert installation.ask(COUNT.format(album)) == [(0,)]
    albums = installation.ask("SELECT id FROM albums_album ORDER BY id")
    assert albums == [(int(pk),) for pk in ([other] if what == "album" else [album, other])]
