"""A worker on SQLite and the local disk works without any network, as its systemd unit configures it."""

import subprocess
import sys

import pytest

from tests.installation import MANAGE, Installation
from tests.processing import making
from tests.support import processes

pytestmark = [pytest.mark.faults, pytest.mark.embedded]


def test_a_worker_without_network_processes_and_verifies_photos(tmp_path):
    alone = ["unshare", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED: no network namespace can be created here")
    with Installation(tmp_path) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        assert installation.send(session, album, {"one.jpg": making.jpeg((900, 600))}).ok

        command = [*alone, sys.executable, "-u", str(MANAGE), "run_huey"]
        with installation.log.open("ab") as log:
            worker = processes.start(command, env=installation._env, stdout=log, stderr=log)
        try:
            status = installation.wait_until_idle()
        finally:
            processes.kill(worker)

    assert (status["photos"], status["jobs"]["failed"]) == (1, 0)
