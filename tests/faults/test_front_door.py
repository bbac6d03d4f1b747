"""The doctor before real proxies: what nginx does to uploads is recognised, said, and answered by smaller parts."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import polling, servers
from tests.installation import Installation
from tests.servers import Nginx

pytestmark = [pytest.mark.faults, pytest.mark.servers]

STREAMS = "proxy_request_buffering off; proxy_http_version 1.1;"
NO_LIMIT = "client_max_body_size 0;"
MIB = 1 << 20


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    """Silences are tried for two thirds of the idle time: 4 seconds. A proxy that gives up after one may be late by three."""
    with Installation(tmp_path_factory.mktemp("door"), {"BODY_IDLE_SECONDS": "6"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


def examine(installation: Installation, url: str, *options: str, **env: str) -> dict[str, Any]:
    """What the command tells, its findings by code."""
    told = json.loads(installation.manage("doctor", "--json", "--url", url, *options, env=env, status=None).stdout)
    return told | {"findings": {found["code"]: found for found in told["findings"]}}


def codes(told: dict[str, Any], *states: str) -> set[str]:
    return {code for code, found in told["findings"].items() if found["state"] in states}


def test_without_a_proxy_all_is_well(installation) -> None:
    told = examine(installation, installation.url)

    assert codes(told, "warning", "bad") == set()
    assert {"no-proxy", "body-size", "streams", "pause", "late-answer", "chunked", "worker", "bell"} <= codes(
        told, "good"
    )
    assert told["largest_body"] == 64 * MIB


def test_nginx_as_it_comes_is_recognised_and_parts_are_made_to_fit(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        told = examine(installation, nginx.url, "--set")

        assert codes(told, "warning", "bad") == {"body-limit", "buffering"}
        assert told["findings"]["body-limit"]["state"] == "bad"
        assert "at most 1.0\xa0MB per request and returns 413" in told["findings"]["body-limit"]["words"]
        assert told["findings"]["body-limit"]["remedy"] == "In nginx: client_max_body_size 0;"
        assert (told["largest_body"], told["chunk_bytes"]) == (MIB, MIB)
        assert part_through(installation, nginx.url, MIB) == 204
        assert part_through(installation, nginx.url, MIB + 1) == 413


def part_through(installation: Installation, url: str, size: int) -> int:
    """The answer to a part of that size, sent as the page sends it."""
    session = installation.sign_in()
    album = installation.new_album(session, "Parts")
    headers = {"X-CSRFToken": session.cookies["csrftoken"], "Origin": url}
    files = {"open": True, "files": [{"name": "large.jpg", "size": 16 * MIB}]}
    told = session.post(f"{url}/albums/{album}/uploads/manifest/", json=files, headers=headers, timeout=240).json()
    headers |= {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(url + told["files"][0]["upload"], bytes(size), headers=headers, timeout=240).status_code


def test_what_was_measured_outlives_the_web_server(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, "client_max_body_size 3m;") as nginx:
        told = examine(installation, nginx.url, "--set")
    installation.stop("serve")
    installation.start("serve")

    session = installation.sign_in()
    album = installation.new_album(session, "Later")
    headers = {"X-CSRFToken": session.cookies["csrftoken"]}
    address = f"{installation.url}/albums/{album}/uploads/manifest/"
    answer = session.post(address, json={"files": []}, headers=headers, timeout=240).json()

    assert (told["chunk_bytes"], answer["chunk_bytes"]) == (3 * MIB, 3 * MIB)


def test_a_good_proxy_is_found_good(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS) as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == set()
    assert {"proxy", "body-size", "streams"} <= codes(told, "good")


def test_the_limit_is_found_to_within_a_part(installation, tmp_path) -> None:
    limit = 5 * MIB + 12_345
    with Nginx(tmp_path / "nginx", installation.url, f"client_max_body_size {limit};", STREAMS) as nginx:
        told = examine(installation, nginx.url)

    assert limit * 31 // 32 <= told["largest_body"] <= limit


def test_a_proxy_that_hangs_up_on_pauses_is_recognised(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, f"{NO_LIMIT} client_body_timeout 1s;", STREAMS) as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"pause-cut"}
    assert re.search(r"pauses for [1-4] s", told["findings"]["pause-cut"]["words"])
    assert "streams" in told["findings"]


def test_a_proxy_that_waits_for_no_slow_answer_is_recognised(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, f"{STREAMS} proxy_read_timeout 1s;") as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"late-answer-cut"}
    assert re.search(r"waits [1-4] s for a response, then returns 504", told["findings"]["late-answer-cut"]["words"])


def test_methods_that_do_not_pass_are_named(installation, tmp_path) -> None:
    location = f"{STREAMS} limit_except GET POST PATCH {{ deny all; }} "
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"methods-lost"}
    assert told["findings"]["methods-lost"]["words"] == "Blocked: DELETE. Uploads can't be cancelled."


def test_answers_that_do_not_pass_are_named(installation, tmp_path) -> None:
    location = f"{STREAMS} proxy_intercept_errors on; error_page 409 460 /gone;"
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"statuses-lost"}
    assert "status 409, 460" in told["findings"]["statuses-lost"]["words"]


def test_headers_that_do_not_pass_are_named(installation, tmp_path) -> None:
    location = f'{STREAMS} proxy_set_header Upload-Offset ""; proxy_hide_header Tus-Resumable;'
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"headers-lost"}
    assert told["findings"]["headers-lost"]["words"].startswith(
        "Changed or removed: Upload-Offset, Tus-Resumable (response)."
    )


def test_a_host_that_is_not_passed_on_is_recognised(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS, host="$proxy_host") as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "warning", "bad") == {"origin-refused"}
    assert installation.url in told["findings"]["origin-refused"]["words"]


def test_a_name_that_darkroom_does_not_know_is_recognised(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS, host="photos.example.org") as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "bad") == {"host-refused"}
    assert told["largest_body"] is None


def test_nobody_at_the_address_is_told_with_what_is_inside(installation) -> None:
    told = examine(installation, f"http://{servers.HOST}:{servers.free_port()}")

    assert codes(told, "warning") == {"door-unreachable"}
    assert "database" in told["findings"]


def test_somebody_else_at_the_address_is_recognised(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, "location /limits/ { return 200 hello; }") as nginx:
        told = examine(installation, nginx.url)

    assert codes(told, "bad") == {"door-elsewhere"}


def test_the_ticket_of_another_installation_opens_nothing(installation) -> None:
    told = examine(installation, installation.url, SECRET_KEY="x" * 50)

    assert "probe-refused" in codes(told, "warning")


def test_tls_is_spoken_and_a_certificate_that_nobody_vouches_for_is_told(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, signed(tmp_path) + NO_LIMIT, STREAMS, listen="ssl") as nginx:
        told = examine(installation, nginx.url)

    # Without BEHIND_TLS Darkroom believes nobody that people come by https.
    assert codes(told, "warning", "bad") == {"certificate", "origin-refused"}
    assert {"body-size", "streams", "pause"} <= codes(told, "good")


def test_an_early_refusal_is_heard_through_tls(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, signed(tmp_path), STREAMS, listen="ssl") as nginx:
        told = examine(installation, nginx.url)

    assert "returns 413" in told["findings"]["body-limit"]["words"]
    assert told["largest_body"] == MIB


def signed(directory: Path) -> str:
    """The lines of a server with a certificate that it signed itself."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    asked = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    files = ["-subj", "/CN=photos", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *asked, *files], check=True, capture_output=True, timeout=60)
    return f"ssl_certificate {certificate}; ssl_certificate_key {key};"


def test_the_server_measures_by_itself_for_who_has_no_script(installation) -> None:
    session = installation.sign_in()
    address = f"{installation.url}/limits/"

    page = session.post(f"{address}measure/", {"csrfmiddlewaretoken": session.cookies["csrftoken"]}, timeout=240)

    assert "This page updates automatically." in page.text

    def result() -> requests.Response | None:
        page = session.get(address, timeout=240)
        return page if "Run again" in page.text else None

    assert "No proxy detected" in polling.until(result, 240, "nothing is measured").text


def test_servers_of_ones_own_are_looked_at_and_missed(postgresql, redis, tmp_path) -> None:
    database = postgresql.new_database()
    with Installation(tmp_path, {"DATABASE_URL": database, "REDIS_URL": redis.url}) as installation:
        installation.start("run_huey")
        polling.until(lambda: installation.ask("SELECT 1 FROM processing_workerpulse"), what="no worker")
        told = examine(installation, installation.url)
        assert told["findings"]["bell"]["words"].startswith("A worker responded through Redis")
        assert told["findings"]["database"]["words"].startswith("PostgreSQL")
        assert {"clocks", "codecs", "worker"} <= codes(told, "good")

        assert installation.manage("sweep", "--reclaim").stdout.endswith("Freed up 0\xa0bytes.\n")
        counted = installation.manage(
            "shell", "-v0", "-c", "from processing.capacity import staging_quota; print(staging_quota.used())"
        )
        assert counted.stdout == "0\n"

        redis.stop()
        assert "bell-away" in codes(examine(installation, installation.url), "bad")

        away = postgresql.url("nowhere")
        told = json.loads(
            installation.manage(
                "doctor", "--json", "--url", installation.url, env={"DATABASE_URL": away}, status=1
            ).stdout
        )
        assert "database-away" in {found["code"] for found in told["findings"]}


def test_a_server_with_few_threads_is_measured_too(tmp_path) -> None:
    """One probe at a time: the others ask again, and nothing is taken for a fault of the door."""
    with Installation(tmp_path, {"BODY_IDLE_SECONDS": "9", "WEB_THREADS": "2"}) as small:
        small.start("serve")
        told = examine(small, small.url)

    assert codes(told, "warning", "bad") == {"no-worker"}


def test_senders_who_fall_silent_before_the_probe_hold_no_thread(installation) -> None:
    session = installation.sign_in()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    head = {
        "Host": f"{servers.HOST}:{installation.port}",
        "Cookie": cookies,
        "X-CSRFToken": session.cookies["csrftoken"],
        "Content-Length": str(MIB),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    silent = [socket.create_connection((servers.HOST, installation.port), timeout=240) for _ in range(8)]
    for line in silent:
        line.sendall(f"POST /limits/probe/ HTTP/1.1\r\n{lines}\r\n".encode() + bytes(1000))

    assert installation.answers()
    heard = sorted(int(line.recv(1000).split()[1]) for line in silent)
    assert heard == [200] * 4 + [429] * 4  # told what had arrived after the idle time of silence; turned away at once

    headers = {"X-CSRFToken": session.cookies["csrftoken"]}
    fresh = requests.post(
        f"{installation.url}/limits/probe/", b"x", headers=headers, cookies=session.cookies, timeout=240
    )
    assert fresh.json()["bytes"] == 1
    for line in silent:
        line.close()
