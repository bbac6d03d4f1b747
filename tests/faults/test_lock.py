"""Of any number of forms sent to one album at once, one opens a batch. On both databases, through the real web server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SENDERS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request, tmp_path):
    env = {}
    if request.param == "postgresql":
        env["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
    with Installation(tmp_path, env) as installation:
        installation.start("serve")
        yield installation


def test_twenty_forms_at_once_open_one_batch(installation):
    session = installation.sign_in()
    album, other = installation.new_album(session, "Summer"), installation.new_album(session, "Winter")
    sessions = [installation.sign_in() for _ in range(SENDERS)]
    start = Barrier(SENDERS)

    def send(session):
        start.wait(240)
        return installation.send(
            session, album, {"one.jpg": making.jpeg((800, 600)), "two.jpg": making.jpeg((800, 600))}
        )

    with ThreadPoolExecutor(SENDERS) as pool:
        answers = list(pool.map(send, sessions))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (SENDERS - 1)]
    running = {answer.json()["batch"]["id"] for answer in answers if answer.status_code == 409}
    assert len(running) == 1
    assert installation.status()["jobs"]["pending"] == 2
    assert installation.send(session, other, {"three.jpg": making.jpeg()}).status_code == 200
