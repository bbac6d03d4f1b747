"""An endpoint that a person typed, against a real resolver and real servers: none inside gets so much as a connection."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.embedded]
NETWORK, REFUSED = "s3-network", "s3-refused"
OUTSIDE, OUTSIDE_V6 = "8.8.8.8 80", "2606:4700:4700::1111 80"
WORDS = "This address is in the server's internal network."


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, Any]:
    """By scenario of `enclosed`: what came of it, and the connections that each server had."""
    enclosure = ["unshare", "--net", "--mount"]
    if subprocess.run([*enclosure, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED, for no network namespace can be made here")
    command = [*enclosure, sys.executable, "-m", "tests.faults.enclosed", str(tmp_path_factory.mktemp("data"))]
    env = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_server_of_the_internet_is_reached(outcomes):
    assert outcomes["public"] == {"came": [[], ""], "connections": {OUTSIDE: 1}}
    assert outcomes["public, IPv6"] == {"came": [[], ""], "connections": {OUTSIDE_V6: 1}}
    assert outcomes["second address"] == {"came": "", "connections": {OUTSIDE: 1}}


def test_a_name_that_leads_inside_after_the_form_was_sent_gets_no_connection(outcomes):
    assert outcomes["rebound"] == {"came": [[], NETWORK], "connections": {}}


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(outcomes):
    assert outcomes["changing"] == {"came": ["", NETWORK] * 5, "connections": {OUTSIDE: 5}}


def test_a_name_with_one_address_inside_is_refused(outcomes):
    (words,), code = outcomes["mixed"]["came"]

    assert (words.startswith(WORDS), code, outcomes["mixed"]["connections"]) == (True, NETWORK, {})


def test_no_redirect_leads_inside(outcomes):
    assert set(outcomes["redirected"]["came"]) <= {NETWORK, REFUSED}
    assert outcomes["redirected"]["connections"].keys() == {OUTSIDE}


def test_a_proxy_of_the_environment_is_not_asked_to_reach_what_may_not_be_reached(outcomes):
    assert outcomes["behind a proxy"] == {"came": ["", NETWORK, NETWORK], "connections": {OUTSIDE: 1}}


def test_without_a_fence_proxy_and_servers_inside_are_reached(outcomes):
    """As the environment may name them; and so the tests above could have failed."""
    assert outcomes["without a fence"]["came"] == ["", ""]
    assert outcomes["without a fence"]["connections"].keys() == {"127.0.0.2 80", "127.0.0.1 3128"}
