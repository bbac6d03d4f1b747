"""The Redis of deploy/compose with its configuration: it requires the password, which Darkroom uses."""

import os
import subprocess
from collections.abc import Iterator

import pytest
import redis as client
import yaml

from config import huey as config_huey
from tests import polling, servers
from tests.deploy.fronts import DEPLOY
from tests.support import processes

pytestmark = [pytest.mark.servers, pytest.mark.embedded]
PASSWORD = "5f0c" * 16


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    content = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["configs"]["redis"]["content"]
    directory, port = tmp_path_factory.mktemp("redis"), servers.free_port()
    config = directory / "redis.conf"
    config.write_text(content.replace("${REDIS_PASSWORD}", PASSWORD) + f"port {port}\nbind 127.0.0.1\n")
    process = processes.start(["redis-server", str(config)], cwd=directory, stdout=subprocess.DEVNULL)
    try:
        polling.until(lambda: _is_responding(port, PASSWORD), servers.START_SECONDS, "Redis does not answer")
        yield port
    finally:
        processes.stop(process)


def _is_responding(port: int, password: str | None) -> bool:
    try:
        with client.Redis(port=port, password=password, socket_timeout=60) as redis:
            return bool(redis.ping())
    except client.ConnectionError:
        return False


def test_a_client_without_the_password_is_rejected(port):
    with client.Redis(port=port, socket_timeout=60) as redis, pytest.raises(client.AuthenticationError):
        redis.ping()


def test_darkroom_connects_with_the_password_in_its_url(port, tmp_path):
    from huey import PriorityRedisHuey

    options = config_huey.options(f"redis://:{PASSWORD}@127.0.0.1:{port}/0", tmp_path / "huey.sqlite3", "secret")
    huey = PriorityRedisHuey("darkroom", **options["connection"])

    assert huey.pending_count() == 0


def test_the_health_check_fails_without_the_password(port):
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    check = compose["services"]["redis"]["healthcheck"]["test"][1].replace("redis-cli", f"redis-cli -p {port}")

    def is_healthy(password: str) -> bool:
        env = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": password}
        return not subprocess.run(["sh", "-c", check], env=env, capture_output=True, check=False).returncode

    assert (is_healthy(PASSWORD), is_healthy("")) == (True, False)
