"""`manage.py run`, as a person starts it: real processes, a real port."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests import polling
from tests.installation import Installation
from tests.support import processes

pytestmark = pytest.mark.faults


@pytest.fixture
def fresh(tmp_path):
    """An installation that nothing was done for yet."""
    installation = Installation(tmp_path)
    try:
        yield installation
        for name in list(installation.processes):
            installation.stop(name)
    finally:
        installation.kill_all()


def said(installation: Installation) -> str:
    return installation.log.read_text()


def children(pid: int) -> dict[str, int]:
    """By the command of manage.py that each runs."""
    told = subprocess.run(
        ["pgrep", "-a", "-P", str(pid)], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    return {line.split()[-1]: int(line.split()[0]) for line in told.splitlines()}


def test_a_fresh_installation_answers_and_tells_how_to_get_in(fresh):
    fresh.start("run")
    polling.until(lambda: "/welcome/" in said(fresh))

    link = re.search(rf"{fresh.url}/welcome/\S+", said(fresh))
    assert link
    assert requests.get(link[0], timeout=60).status_code == 200
    assert f"Darkroom is running at {fresh.url}/" in said(fresh)
    assert stat.S_IMODE((fresh.data_dir / "secret_key").stat().st_mode) == 0o600
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', requests.get(link[0], timeout=60).text)
    assert stylesheet
    assert requests.get(fresh.url + stylesheet[1], timeout=60).ok


def test_the_link_is_not_told_once_there_is_a_user(fresh):
    with fresh:
        fresh.start("run")
        polling.until(lambda: "is running at" in said(fresh))
        fresh.stop("run")

    assert "/welcome/" not in said(fresh)


def test_web_and_worker_come_back_when_they_are_killed(fresh):
    run = fresh.start("run")
    polling.until(lambda: fresh.status()["workers"] == 1)
    before = children(run.pid)

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    after = polling.until(lambda: (now := children(run.pid)).keys() == before.keys() and now)
    assert not set(before.values()) & set(after.values())
    polling.until(fresh.answers)


@pytest.mark.smoke
def test_it_ends_cleanly_and_leaves_nothing_running(fresh):
    run = fresh.start("run")
    polling.until(lambda: fresh.status()["workers"] == 1)
    ours = children(run.pid)

    assert fresh.stop("run", signal.SIGINT) == 0

    assert [pid for pid in ours.values() if Path(f"/proc/{pid}").exists()] == []
    assert "Traceback" not in said(fresh)
    assert fresh.status()["workers"] == 0


def test_a_killed_supervisor_frees_the_port(fresh):
    run = fresh.start("run")
    os.kill(run.pid, signal.SIGKILL)
    run.wait(processes.END_SECONDS)

    polling.until(lambda: not is_listening(fresh), what="the web server lives on")
    fresh.processes.clear()


def test_a_port_in_use_is_said_in_words(fresh):
    fresh.start("run")

    done = fresh.manage("run", status=1)

    assert f"port {fresh.port} of 127.0.0.1" in done.stderr
    assert "Set PORT" in done.stderr


def test_the_second_start_has_nothing_left_to_prepare(fresh, capsys):
    fresh.start("run")
    fresh.stop("run")
    stamp = fresh.data_dir / "static" / ".stamp"
    collected = stamp.stat().st_mtime_ns

    begun = time.monotonic()
    fresh.start("run")
    with capsys.disabled():
        sys.stdout.write(f"\nsecond start: answered after {time.monotonic() - begun:.2f} s\n")

    assert stamp.stat().st_mtime_ns == collected


def test_a_server_open_to_others_without_encryption_is_warned_of(tmp_path):
    with Installation(tmp_path, {"HOST": "0.0.0.0"}) as installation:
        installation.start("run")
        polling.until(lambda: "Warning: HOST is 0.0.0.0" in said(installation))
        installation.stop("run")


def is_listening(installation: Installation) -> bool:
    try:
        return installation.answers()
    except requests.ConnectionError:
        return False


def test_serve_alone_collects_the_static_files_that_are_missing(tmp_path):
    with Installation(tmp_path) as installation:
        shutil.rmtree(installation.data_dir / "static")
        installation.start("serve")
        page = installation.sign_in().get(f"{installation.url}/albums/", timeout=60)

        sheet = re.search(r'rel="stylesheet" href="(/static/[^"]+)"', page.text)
        assert sheet, page.text
        assert requests.get(f"{installation.url}{sheet[1]}", timeout=60).headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_text("{}"), lambda path: path.write_bytes(b"\xff")]
)
def test_serve_collects_them_again_when_their_list_is_gone_or_damaged(tmp_path, spoil):
    with Installation(tmp_path) as installation:
        spoil(installation.data_dir / "static" / "staticfiles.json")
        installation.start("serve")

        assert installation.sign_in().get(f"{installation.url}/albums/", timeout=60).ok


def test_serve_that_cannot_write_them_names_the_command_instead_of_failing_on_every_page(tmp_path):
    with Installation(tmp_path) as installation:
        shutil.rmtree(installation.data_dir / "static")
        (installation.data_dir / "static").write_text("in the way")

        refused = installation.manage("serve", status=1)

    assert "manage.py collectstatic --noinput" in refused.stderr
    assert "Traceback" not in refused.stderr
