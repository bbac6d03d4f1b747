"""Files that were acknowledged exist exactly once, when any process is killed at any moment. The figures are printed."""

import random
import sys
from pathlib import Path

import pytest

from tests.faults.aftermath import QUICK
from tests.faults.storm import Storm
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

REAL = Path(__file__).parents[3] / "shared" / "photos" / "photos"


@pytest.fixture(params=["sqlite", "postgresql and redis"])
def installation(request, tmp_path):
    # Short, so that the test ends: an upload gets more time when the sweep recovers another one of its batch.
    env = QUICK | {"UPLOAD_EXPIRY_SECONDS": "60"}
    if request.param != "sqlite":
        env["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
        env["REDIS_URL"] = request.getfixturevalue("redis").url
    with Installation(tmp_path, env) as installation:
        installation.start("serve")
        yield installation


def test_ten_kills_lose_and_duplicate_nothing(installation, capsys):
    assert_nothing_is_lost_or_duplicated(installation, capsys, kills=10, albums=3, photos_per_album=10)


@pytest.mark.long
@pytest.mark.parametrize("installation", ["sqlite"], indirect=True)
def test_two_hundred_kills_lose_and_duplicate_nothing(installation, capsys):
    assert_nothing_is_lost_or_duplicated(installation, capsys, kills=200, albums=12, photos_per_album=25)


def assert_nothing_is_lost_or_duplicated(
    installation, capsys, *, kills: int, albums: int, photos_per_album: int
) -> None:
    session = installation.sign_in()
    ids = [installation.new_album(session, f"Album {number}") for number in range(albums)]
    storm = Storm(installation, kills, seed=random.randrange(1_000_000))

    figures = storm.run({album: photos(photos_per_album) for album in ids})

    with capsys.disabled():
        sys.stdout.write(f"\nstorm of {kills} kills, seed {storm.seed}: {figures}\n")
    assert figures.is_well
    assert (figures.acknowledged, figures.photos + figures.failed) == (figures.sent, figures.sent)


def photos(count: int) -> dict[str, bytes]:
    """Real photos if there are enough, generated ones otherwise."""
    real = sorted(REAL.glob("*"))
    if len(real) >= count > 10:
        return {path.name: path.read_bytes() for path in real[:count]}
    return {f"{number}.jpg": making.jpeg((1600, 1200)) for number in range(count)}
