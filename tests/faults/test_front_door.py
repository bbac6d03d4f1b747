"""The doctor with real proxies: it detects and reports what nginx does to uploads, and reduces the size of parts."""

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
    """The doctor tests pauses of two thirds of the idle time: 4 seconds. So a time-out of 1 second may fire 3 seconds late."""
    with Installation(tmp_path_factory.mktemp("door"), {"BODY_IDLE_SECONDS": "6"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


def doctor_report(installation: Installation, url: str, *options: str, **env: str) -> dict[str, Any]:
    """Return the report of `manage.py doctor`, with its findings by code."""
    report = json.loads(installation.manage("doctor", "--json", "--url", url, *options, env=env, status=None).stdout)
    return report | {"findings": {finding["code"]: finding for finding in report["findings"]}}


def codes(report: dict[str, Any], *states: str) -> set[str]:
    return {code for code, finding in report["findings"].items() if finding["state"] in states}


def test_without_a_proxy_every_check_is_good(installation) -> None:
    report = doctor_report(installation, installation.url)

    assert codes(report, "warning", "bad") == set()
    assert {"no-proxy", "body-size", "streams", "pause", "late-answer", "chunked", "worker", "bell"} <= codes(
        report, "good"
    )
    assert report["largest_body"] == 64 * MIB


def test_nginx_with_default_settings_is_detected_and_parts_are_made_to_fit(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        report = doctor_report(installation, nginx.url, "--set")

        assert codes(report, "warning", "bad") == {"body-limit", "buffering"}
        assert report["findings"]["body-limit"]["state"] == "bad"
        assert "at most 1.0\xa0MB per request and returns 413" in report["findings"]["body-limit"]["words"]
        assert report["findings"]["body-limit"]["remedy"] == "In nginx: client_max_body_size 0;"
        assert (report["largest_body"], report["chunk_bytes"]) == (MIB, MIB)
        assert status_of_part(installation, nginx.url, MIB) == 204
        assert status_of_part(installation, nginx.url, MIB + 1) == 413


def status_of_part(installation: Installation, url: str, size: int) -> int:
    """Return the status of the response to a part of this size, sent as the page sends it."""
    session = installation.sign_in()
    album = installation.new_album(session, "Parts")
    headers = {"X-CSRFToken": session.cookies["csrftoken"], "Origin": url}
    files = {"open": True, "files": [{"name": "large.jpg", "size": 16 * MIB}]}
    manifest = session.post(f"{url}/albums/{album}/uploads/manifest/", json=files, headers=headers, timeout=240).json()
    headers |= {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(url + manifest["files"][0]["upload"], bytes(size), headers=headers, timeout=240).status_code


def test_the_measured_part_size_is_kept_when_the_web_server_restarts(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, "client_max_body_size 3m;") as nginx:
        report = doctor_report(installation, nginx.url, "--set")
    installation.stop("serve")
    installation.start("serve")

    session = installation.sign_in()
    album = installation.new_album(session, "Later")
    headers = {"X-CSRFToken": session.cookies["csrftoken"]}
    address = f"{installation.url}/albums/{album}/uploads/manifest/"
    manifest = session.post(address, json={"files": []}, headers=headers, timeout=240).json()

    assert (report["chunk_bytes"], manifest["chunk_bytes"]) == (3 * MIB, 3 * MIB)


def test_a_well_configured_proxy_passes_every_check(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS) as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == set()
    assert {"proxy", "body-size", "streams"} <= codes(report, "good")


def test_the_body_limit_is_measured_to_within_one_thirty_second(installation, tmp_path) -> None:
    limit = 5 * MIB + 12_345
    with Nginx(tmp_path / "nginx", installation.url, f"client_max_body_size {limit};", STREAMS) as nginx:
        report = doctor_report(installation, nginx.url)

    assert limit * 31 // 32 <= report["largest_body"] <= limit


def test_a_proxy_that_disconnects_during_pauses_is_detected(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, f"{NO_LIMIT} client_body_timeout 1s;", STREAMS) as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"pause-cut"}
    assert re.search(r"pauses for [1-4] s", report["findings"]["pause-cut"]["words"])
    assert "streams" in report["findings"]


def test_a_proxy_with_a_short_response_timeout_is_detected(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, f"{STREAMS} proxy_read_timeout 1s;") as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"late-answer-cut"}
    assert re.search(r"waits [1-4] s for a response, then returns 504", report["findings"]["late-answer-cut"]["words"])


def test_blocked_methods_are_named(installation, tmp_path) -> None:
    location = f"{STREAMS} limit_except GET POST PATCH {{ deny all; }} "
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"methods-lost"}
    assert report["findings"]["methods-lost"]["words"] == "Blocked: DELETE. Uploads can't be cancelled."


def test_replaced_response_statuses_are_named(installation, tmp_path) -> None:
    location = f"{STREAMS} proxy_intercept_errors on; error_page 409 460 /gone;"
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"statuses-lost"}
    assert "status 409, 460" in report["findings"]["statuses-lost"]["words"]


def test_removed_headers_are_named(installation, tmp_path) -> None:
    location = f'{STREAMS} proxy_set_header Upload-Offset ""; proxy_hide_header Tus-Resumable;'
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, location) as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"headers-lost"}
    assert report["findings"]["headers-lost"]["words"].startswith(
        "Changed or removed: Upload-Offset, Tus-Resumable (response)."
    )


def test_a_host_header_that_is_not_passed_on_is_detected(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS, host="$proxy_host") as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "warning", "bad") == {"origin-refused"}
    assert installation.url in report["findings"]["origin-refused"]["words"]


def test_a_host_that_darkroom_does_not_allow_is_detected(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, NO_LIMIT, STREAMS, host="photos.example.org") as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "bad") == {"host-refused"}
    assert report["largest_body"] is None


def test_an_unreachable_address_is_reported_together_with_the_internal_checks(installation) -> None:
    report = doctor_report(installation, f"http://{servers.HOST}:{servers.free_port()}")

    assert codes(report, "warning") == {"door-unreachable"}
    assert "database" in report["findings"]


def test_another_server_at_the_address_is_detected(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, "location /limits/ { return 200 hello; }") as nginx:
        report = doctor_report(installation, nginx.url)

    assert codes(report, "bad") == {"door-elsewhere"}


def test_a_probe_token_of_another_installation_is_rejected(installation) -> None:
    report = doctor_report(installation, installation.url, SECRET_KEY="x" * 50)

    assert "probe-refused" in codes(report, "warning")


def test_tls_works_and_an_untrusted_certificate_is_reported(installation, tmp_path) -> None:
    with Nginx(
        tmp_path / "nginx", installation.url, self_signed_certificate(tmp_path) + NO_LIMIT, STREAMS, listen="ssl"
    ) as nginx:
        report = doctor_report(installation, nginx.url)

    # Without BEHIND_TLS, Darkroom trusts no header that says that clients use https.
    assert codes(report, "warning", "bad") == {"certificate", "origin-refused"}
    assert {"body-size", "streams", "pause"} <= codes(report, "good")


def test_an_early_413_is_received_through_tls(installation, tmp_path) -> None:
    with Nginx(tmp_path / "nginx", installation.url, self_signed_certificate(tmp_path), STREAMS, listen="ssl") as nginx:
        report = doctor_report(installation, nginx.url)

    assert "returns 413" in report["findings"]["body-limit"]["words"]
    assert report["largest_body"] == MIB


def self_signed_certificate(directory: Path) -> str:
    """Create a self-signed certificate, and return nginx's directives for it."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    files = ["-subj", "/CN=photos", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *arguments, *files], check=True, capture_output=True, timeout=60)
    return f"ssl_certificate {certificate}; ssl_certificate_key {key};"


def test_the_server_measures_for_a_browser_without_javascript(installation) -> None:
    session = installation.sign_in()
    address = f"{installation.url}/limits/"

    page = session.post(f"{address}measure/", {"csrfmiddlewaretoken": session.cookies["csrftoken"]}, timeout=240)

    assert "This page updates automatically." in page.text

    def result() -> requests.Response | None:
        page = session.get(address, timeout=240)
        return page if "Run again" in page.text else None

    assert "No proxy detected" in polling.until(result, 240, "nothing is measured").text


def test_postgresql_and_redis_are_checked_and_reported_when_unreachable(postgresql, redis, tmp_path) -> None:
    database = postgresql.new_database()
    with Installation(tmp_path, {"DATABASE_URL": database, "REDIS_URL": redis.url}) as installation:
        installation.start("run_huey")
        polling.until(lambda: installation.ask("SELECT 1 FROM processing_workerpulse"), what="no worker")
        report = doctor_report(installation, installation.url)
        assert report["findings"]["bell"]["words"].startswith("A worker responded through Redis")
        assert report["findings"]["database"]["words"].startswith("PostgreSQL")
        assert {"clocks", "codecs", "worker"} <= codes(report, "good")

        assert installation.manage("sweep", "--reclaim").stdout.endswith("Freed up 0\xa0bytes.\n")
        quota = installation.manage(
            "shell", "-v0", "-c", "from processing.capacity import staging_quota; print(staging_quota.used())"
        )
        assert quota.stdout == "0\n"

        redis.stop()
        assert "bell-away" in codes(doctor_report(installation, installation.url), "bad")

        unknown_database = postgresql.url("nowhere")
        report = json.loads(
            installation.manage(
                "doctor", "--json", "--url", installation.url, env={"DATABASE_URL": unknown_database}, status=1
            ).stdout
        )
        assert "database-away" in {finding["code"] for finding in report["findings"]}


def test_a_server_with_two_threads_is_measured_correctly(tmp_path) -> None:
    """Only one probe runs at a time: the others are repeated, and none is reported as a problem of the proxy."""
    with Installation(tmp_path, {"BODY_IDLE_SECONDS": "9", "WEB_THREADS": "2"}) as small:
        small.start("serve")
        report = doctor_report(small, small.url)

    assert codes(report, "warning", "bad") == {"no-worker"}


def test_silent_senders_to_the_probe_occupy_no_thread(installation) -> None:
    session = installation.sign_in()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    head = {
        "Host": f"{servers.HOST}:{installation.port}",
        "Cookie": cookies,
        "X-CSRFToken": session.cookies["csrftoken"],
        "Content-Length": str(MIB),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connections = [socket.create_connection((servers.HOST, installation.port), timeout=240) for _ in range(8)]
    for connection in connections:
        connection.sendall(f"POST /limits/probe/ HTTP/1.1\r\n{lines}\r\n".encode() + bytes(1000))

    assert installation.answers()
    statuses = sorted(int(connection.recv(1000).split()[1]) for connection in connections)
    assert statuses == [200] * 4 + [429] * 4  # 200 after the idle time, with what arrived; 429 at once

    headers = {"X-CSRFToken": session.cookies["csrftoken"]}
    probe = requests.post(
        f"{installation.url}/limits/probe/", b"x", headers=headers, cookies=session.cookies, timeout=240
    )
    assert probe.json()["bytes"] == 1
    for connection in connections:
        connection.close()
