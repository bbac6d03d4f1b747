"""A proxy whose user is in the group of DATA_DIR serves photos, and can read neither the database nor a secret."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import polling, servers
from tests.deploy import fronts
from tests.deploy.fronts import Caddy, Front, Nginx
from tests.installation import NAME, PASSWORD, Installation, token
from tests.processing import making

pytestmark = [
    pytest.mark.faults,
    pytest.mark.servers,
    pytest.mark.embedded,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a server as another user"),
]
USER, GROUP = 65534, 64000
BECOME = ["setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups"]
SECRETS = ["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "huey.sqlite3", "secret_key"]


@pytest.fixture(scope="module")
def reachable() -> Iterator[Path]:
    """A directory that other users can enter, unlike those of pytest."""
    path = Path(tempfile.mkdtemp(prefix="darkroom-proxy-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def installation(reachable) -> Iterator[Installation]:
    """An installation with one photo and processes started with umask 0.

    New files inherit the group of their directory (setgid), as if the processes ran with that group.
    """
    before = os.umask(0)
    try:
        yield from _installation(reachable)
    finally:
        os.umask(before)


def _installation(reachable: Path) -> Iterator[Installation]:
    with Installation(reachable, {"X_ACCEL": "/files/"}) as installation:
        for path in (installation.data_dir, *installation.data_dir.rglob("*")):
            os.chown(path, -1, GROUP)
            if path.is_dir():
                path.chmod(0o2750)
        installation.data_dir.chmod(0o2710)
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        assert installation.send(session, album, {"one.jpg": making.jpeg((900, 600))}).ok
        installation.start("run_huey")
        installation.wait_until_idle()
        yield installation


@pytest.fixture(scope="module", params=[Nginx, Caddy])
def front(request, installation, reachable) -> Iterator[Front]:
    port, upstream = servers.free_port(), servers.free_port()
    scheme = "https" if request.param is Nginx else "http"
    environment = {"PORT": str(upstream), "PUBLIC_URL": f"{scheme}://127.0.0.1:{port}", "X_ACCEL": "/files/"}
    installation.start("serve", name=request.param.__name__, env=environment)
    polling.until(lambda: fronts.is_responding(upstream), what="the web server behind the proxy does not respond")
    directory = reachable / request.param.__name__
    directory.mkdir()
    try:
        front = request.param(
            directory, port, upstream, installation.data_dir, become=["sh", "-c", chown_script(directory), *BECOME]
        )
        try:
            yield front
        finally:
            front.stop()
    finally:
        installation.kill(request.param.__name__)


def chown_script(directory: Path) -> str:
    """Return a script that makes the proxy's user the owner of its directory, and runs its arguments."""
    return f'chown -R {USER}:{GROUP} {directory}; exec "$0" "$@"'


def test_the_proxy_serves_photos_and_static_files(installation, front):
    session = requests.Session()
    session.trust_env, session.verify = False, front.certificate
    page = session.get(f"{front.url}/accounts/login/", timeout=60).text
    form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token(session)}
    session.post(f"{front.url}/accounts/login/", form, timeout=60, headers={"Referer": front.url})

    original = session.get(f"{front.url}/photos/1/original/", timeout=60)
    style = session.get(front.url + page.split('rel="stylesheet" href="')[1].split('"')[0], timeout=60)

    assert (original.status_code, original.headers["Content-Type"]) == (200, "image/jpeg")
    assert "X-Accel-Redirect" not in original.headers
    assert (style.status_code, style.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")


def test_the_proxys_user_can_read_photos_but_no_secret(installation):
    secret_files = [installation.data_dir / name for name in SECRETS]
    (key,) = installation.ask("SELECT original_key FROM albums_photo")[0]

    assert [path.name for path in secret_files if not path.exists()] == []
    assert [path.name for path in secret_files if can_read(path)] == []
    assert can_read(installation.data_dir / key)


def can_read(path: Path) -> bool:
    return subprocess.run([*BECOME, "cat", str(path)], capture_output=True, check=False).returncode == 0


def test_files_of_web_server_and_worker_are_not_readable_by_other_users(installation):
    keys = installation.ask("SELECT original_key FROM albums_photo UNION SELECT key FROM albums_rendition")
    files = [installation.data_dir / key for (key,) in keys]
    directories = {
        directory for file in files for directory in file.parents if installation.data_dir in directory.parents
    }
    secrets = [path for path in installation.data_dir.iterdir() if path.name.startswith(("db.", "huey.", "secret"))]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o640}
    assert {stat.S_IMODE(path.stat().st_mode) & 0o777 for path in directories} == {0o750}
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in secrets} == {path.name: 0o600 for path in secrets}
    assert {path.name for path in secrets} >= set(SECRETS)
