"""A bucket's endpoint entered by a user, with a real resolver and real servers: no internal server receives a connection."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.embedded]
NETWORK, REJECTED = "s3-network", "s3-refused"
OUTSIDE, OUTSIDE_V6 = "8.8.8.8 80", "2606:4700:4700::1111 80"
MESSAGE = "This address is in the server's internal network."


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, Any]:
    """By scenario of `enclosed`: its outcome, and the number of connections to each server."""
    unshare = ["unshare", "--net", "--mount"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED: no network namespace can be created here")
    command = [*unshare, sys.executable, "-m", "tests.faults.enclosed", str(tmp_path_factory.mktemp("data"))]
    env = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    root = Path(__file__).parents[2]
    process = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert process.returncode == 0, process.stderr
    outcomes_by_scenario: dict[str, Any] = json.loads(process.stdout)
    return outcomes_by_scenario


def test_a_public_server_is_reached(outcomes):
    assert outcomes["public"] == {"came": [[], ""], "connections": {OUTSIDE: 1}}
    assert outcomes["public, IPv6"] == {"came": [[], ""], "connections": {OUTSIDE_V6: 1}}
    assert outcomes["second address"] == {"came": "", "connections": {OUTSIDE: 1}}


def test_a_name_that_resolves_to_an_internal_address_after_the_form_gets_no_connection(outcomes):
    assert outcomes["rebound"] == {"came": [[], NETWORK], "connections": {}}


def test_the_checked_address_is_the_one_that_is_connected_to(outcomes):
    assert outcomes["changing"] == {"came": ["", NETWORK] * 5, "connections": {OUTSIDE: 5}}


def test_a_name_with_one_internal_address_is_rejected(outcomes):
    (message,), code = outcomes["mixed"]["came"]

    assert (message.startswith(MESSAGE), code, outcomes["mixed"]["connections"]) == (True, NETWORK, {})


def test_redirects_to_internal_addresses_are_not_followed(outcomes):
    assert set(outcomes["redirected"]["came"]) <= {NETWORK, REJECTED}
    assert outcomes["redirected"]["connections"].keys() == {OUTSIDE}


def test_a_proxy_in_the_environment_is_not_used_for_internal_addresses(outcomes):
    assert outcomes["behind a proxy"] == {"came": ["", NETWORK, NETWORK], "connections": {OUTSIDE: 1}}


def test_without_the_check_the_proxy_and_internal_servers_are_reached(outcomes):
    """An endpoint in the environment may be internal. This also shows that the tests above can fail."""
    assert outcomes["without a fence"]["came"] == ["", ""]
    assert outcomes["without a fence"]["connections"].keys() == {"127.0.0.2 80", "127.0.0.1 3128"}
