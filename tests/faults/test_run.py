"""`manage.py run`, as an administrator starts it, with real processes and a real port."""

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
    """An installation that was never started."""
    installation = Installation(tmp_path)
    try:
        yield installation
        for name in list(installation.processes):
            installation.stop(name)
    finally:
        installation.kill_all()


def log_text(installation: Installation) -> str:
    return installation.log.read_text()


def children(pid: int) -> dict[str, int]:
    """Return the process IDs of the children, by the command of manage.py that they run."""
    output = subprocess.run(
        ["pgrep", "-a", "-P", str(pid)], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    return {line.split()[-1]: int(line.split()[0]) for line in output.splitlines()}


def test_a_fresh_installation_responds_and_prints_the_sign_up_link(fresh):
    fresh.start("run")
    polling.until(lambda: "/welcome/" in log_text(fresh))

    link = re.search(rf"{fresh.url}/welcome/\S+", log_text(fresh))
    assert link
    assert requests.get(link[0], timeout=60).status_code == 200
    assert f"Darkroom is running at {fresh.url}/" in log_text(fresh)
    assert stat.S_IMODE((fresh.data_dir / "secret_key").stat().st_mode) == 0o600
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', requests.get(link[0], timeout=60).text)
    assert stylesheet
    assert requests.get(fresh.url + stylesheet[1], timeout=60).ok


def test_the_sign_up_link_is_not_printed_once_a_user_exists(fresh):
    with fresh:
        fresh.start("run")
        polling.until(lambda: "is running at" in log_text(fresh))
        fresh.stop("run")

    assert "/welcome/" not in log_text(fresh)


def test_killed_web_server_and_worker_are_restarted(fresh):
    run = fresh.start("run")
    polling.until(lambda: fresh.status()["workers"] == 1)
    before = children(run.pid)

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    after = polling.until(lambda: (current := children(run.pid)).keys() == before.keys() and current)
    assert not set(before.values()) & set(after.values())
    polling.until(fresh.answers)


@pytest.mark.smoke
def test_run_ends_cleanly_and_leaves_no_process(fresh):
    run = fresh.start("run")
    polling.until(lambda: fresh.status()["workers"] == 1)
    child_pids = children(run.pid)

    assert fresh.stop("run", signal.SIGINT) == 0

    assert [pid for pid in child_pids.values() if Path(f"/proc/{pid}").exists()] == []
    assert "Traceback" not in log_text(fresh)
    assert fresh.status()["workers"] == 0


def test_a_killed_supervisor_frees_the_port(fresh):
    run = fresh.start("run")
    os.kill(run.pid, signal.SIGKILL)
    run.wait(processes.END_SECONDS)

    polling.until(lambda: not is_listening(fresh), what="the web server is still running")
    fresh.processes.clear()


def test_a_port_in_use_is_reported(fresh):
    fresh.start("run")

    command = fresh.manage("run", status=1)

    assert f"port {fresh.port} of 127.0.0.1" in command.stderr
    assert "Set PORT" in command.stderr


def test_the_second_start_does_not_collect_static_files_again(fresh, capsys):
    fresh.start("run")
    fresh.stop("run")
    stamp = fresh.data_dir / "static" / ".stamp"
    collected_at = stamp.stat().st_mtime_ns

    started = time.monotonic()
    fresh.start("run")
    with capsys.disabled():
        sys.stdout.write(f"\nsecond start: answered after {time.monotonic() - started:.2f} s\n")

    assert stamp.stat().st_mtime_ns == collected_at


def test_a_server_on_all_interfaces_without_encryption_prints_a_warning(tmp_path):
    with Installation(tmp_path, {"HOST": "0.0.0.0"}) as installation:
        installation.start("run")
        polling.until(lambda: "Warning: HOST is 0.0.0.0" in log_text(installation))
        installation.stop("run")


def is_listening(installation: Installation) -> bool:
    try:
        return installation.answers()
    except requests.ConnectionError:
        return False


def test_serve_collects_missing_static_files(tmp_path):
    with Installation(tmp_path) as installation:
        shutil.rmtree(installation.data_dir / "static")
        installation.start("serve")
        page = installation.sign_in().get(f"{installation.url}/albums/", timeout=60)

        stylesheet = re.search(r'rel="stylesheet" href="(/static/[^"]+)"', page.text)
        assert stylesheet, page.text
        assert (
            requests.get(f"{installation.url}{stylesheet[1]}", timeout=60)
            .headers["Content-Type"]
            .startswith("text/css")
        )


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_text("{}"), lambda path: path.write_bytes(b"\xff")]
)
def test_serve_collects_static_files_again_when_their_manifest_is_missing_or_damaged(tmp_path, damage):
    with Installation(tmp_path) as installation:
        damage(installation.data_dir / "static" / "staticfiles.json")
        installation.start("serve")

        assert installation.sign_in().get(f"{installation.url}/albums/", timeout=60).ok


def test_serve_exits_naming_the_command_when_it_cannot_write_static_files(tmp_path):
    with Installation(tmp_path) as installation:
        shutil.rmtree(installation.data_dir / "static")
        (installation.data_dir / "static").write_text("in the way")

        command = installation.manage("serve", status=1)

    assert "manage.py collectstatic --noinput" in command.stderr
    assert "Traceback" not in command.stderr
