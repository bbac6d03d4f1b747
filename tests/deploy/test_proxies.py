"""nginx and Caddy with the configurations of deploy/, in front of a real Darkroom."""

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests import polling, servers
from tests.deploy import fronts
from tests.deploy.fronts import Caddy, Front, Nginx
from tests.faults import attacks
from tests.faults.attacks import Attack, Target, slow_sign_in
from tests.installation import NAME, PASSWORD, Installation, token
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]
HALF_BYTES = 1 << 19
KEPT_HEADERS = [
    "Content-Type",
    "Content-Disposition",
    "Cache-Control",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    """An installation with one photo, not configured for any proxy."""
    with Installation(tmp_path_factory.mktemp("deployed")) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        photo = making.jpeg((900, 600))
        assert installation.send(session, album, {"né.jpg": photo, "broken.jpg": photo[:2000]}).ok
        installation.start("run_huey")
        installation.wait_until_idle()
        installation.stop("run_huey")
        yield installation


@pytest.fixture(scope="module", params=[Nginx, Caddy])
def front(request, installation, tmp_path_factory) -> Iterator[Front]:
    """A proxy with its own web server, which is configured for it."""
    kind, port, upstream = request.param, servers.free_port(), servers.free_port()
    scheme = "https" if kind is Nginx else "http"
    env = {"PORT": str(upstream), "PUBLIC_URL": f"{scheme}://127.0.0.1:{port}", "X_ACCEL": "/files/"}
    installation.start("serve", name=kind.__name__, env=env)
    try:
        polling.until(lambda: fronts.is_responding(upstream), what="the web server behind the proxy does not respond")
        front = kind(tmp_path_factory.mktemp("front"), port, upstream, installation.data_dir)
        try:
            yield front
        finally:
            front.stop()
    finally:
        installation.kill(kind.__name__)


@pytest.fixture(scope="module")
def session(front) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # otherwise the machine's certificate authorities would replace the certificate
    session.verify = front.certificate
    session.headers.update({"Referer": front.url, "Tus-Resumable": "1.0.0"})
    address = f"{front.url}/accounts/login/"
    session.get(address, timeout=60)
    form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token(session)}
    assert session.post(address, form, timeout=60, allow_redirects=False).status_code == 302
    return session


@pytest.fixture
def album(installation) -> int:
    """A new album for each test, because uploads lock their album."""
    return installation.new_album(installation.sign_in(), "Sent through a proxy")


def create_upload(front: Front, session: requests.Session, album: int, content: bytes) -> str:
    """Create an upload through the proxy, and return its URL, which must lead through the proxy too."""
    headers = {
        "X-CSRFToken": token(session),
        "Upload-Length": str(len(content)),
        "Upload-Metadata": f"filename {base64.b64encode(b'cut.jpg').decode()}",
    }
    response = session.post(f"{front.url}/albums/{album}/uploads/tus/", headers=headers, timeout=60)
    assert response.status_code == 201, response.text
    assert response.headers["Location"].startswith(front.url)
    return response.headers["Location"]


def test_bytes_before_a_lost_connection_are_kept_and_the_upload_resumes(installation, front, session, album) -> None:
    content = os.urandom(2 * HALF_BYTES)
    address = create_upload(front, session, album, content)
    draft = installation.data_dir / "incoming" / f"{address.split('/')[-2]}.part"
    cookies = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    head = "\r\n".join([
        f"PATCH {address.removeprefix(front.url)} HTTP/1.1", f"Host: {front.url.split('//')[1]}", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream", f"Content-Length: {len(content)}", "Tus-Resumable: 1.0.0",
        f"Cookie: {cookies}", f"Referer: {front.url}", f"X-CSRFToken: {token(session)}", "", "",
    ])  # fmt: skip

    with fronts.connect_to(front) as connection:
        connection.sendall(head.encode() + content[:HALF_BYTES])
        # The request is incomplete, but its bytes arrive while the connection is open.
        polling.until(lambda: draft.exists() and draft.stat().st_size, what="the proxy buffers the body")
    offset = polling.until(
        lambda: int(session.head(address, timeout=60).headers["Upload-Offset"]), what="no bytes are kept"
    )
    assert 0 < offset <= HALF_BYTES
    headers = {"X-CSRFToken": token(session), "Upload-Offset": str(offset)}
    headers |= {"Content-Type": "application/offset+octet-stream"}
    response = session.patch(address, content[offset:], headers=headers, timeout=60)
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, str(len(content)))


def test_a_body_of_any_size_passes(front, session, album) -> None:
    files = [("photos", ("large.jpg", os.urandom(24 << 20)))]
    headers = {"X-CSRFToken": token(session), "Accept": "application/json"}

    response = session.post(f"{front.url}/albums/{album}/uploads/", files=files, headers=headers, timeout=120)

    assert response.status_code == 200, response.text[:500]


@pytest.mark.parametrize("kind", ["original", "rendition", "raw"])
def test_the_proxy_sends_files_with_the_same_headers_as_darkroom(installation, front, session, kind) -> None:
    photo, key = installation.ask("SELECT photo_id, key FROM albums_rendition WHERE edge = 800 LIMIT 1")[0]
    [(failed,)] = installation.ask("SELECT id FROM processing_processingjob WHERE state = 'failed'")
    path = {
        "original": f"/photos/{photo}/original/",
        "rendition": f"/photos/{photo}/{key.split('/')[2]}/800.webp",
        "raw": f"/jobs/{failed}/raw/",
    }[kind]
    direct = installation.sign_in().get(f"{installation.url}{path}", timeout=60)

    proxied = session.get(f"{front.url}{path}", timeout=60)

    assert (proxied.status_code, proxied.content == direct.content) == (200, True)
    expected_headers = {name: value for name in KEPT_HEADERS if (value := direct.headers.get(name))}
    assert {name: proxied.headers.get(name) for name in expected_headers} == expected_headers
    multiple_ranges = session.get(f"{front.url}{path}", headers={"Range": "bytes=0-1,8-9"}, timeout=60)
    assert multiple_ranges.headers["Content-Type"].startswith(
        "multipart/byteranges"
    )  # by the proxy: Darkroom does not support several ranges


@pytest.fixture
def request_original(installation, front, session) -> Callable[..., requests.Response]:
    """A function that requests the photo's original through the proxy."""
    [(photo,)] = installation.ask("SELECT id FROM albums_photo WHERE name = 'né.jpg'")

    def send(method: str = "GET", **headers: str) -> requests.Response:
        request_headers = {name.replace("_", "-"): value for name, value in headers.items()} | {
            "Accept-Encoding": "identity"
        }
        return session.request(method, f"{front.url}/photos/{photo}/original/", headers=request_headers, timeout=60)

    return send


def test_a_download_can_be_resumed_through_the_proxy(front, request_original) -> None:
    complete = request_original()
    etag, size = complete.headers["ETag"], len(complete.content)
    if isinstance(front, Nginx):
        assert etag == f'"{hashlib.sha256(complete.content).hexdigest()}"'
    head = request_original("HEAD")
    part = request_original(Range="bytes=100-199", If_Range=etag)
    dated = request_original(Range="bytes=100-199", If_Range=complete.headers["Last-Modified"])
    tail = request_original(Range="bytes=-50")
    changed = request_original(Range="bytes=100-199", If_Range='"other"')
    beyond = request_original(Range=f"bytes={size}-")

    assert (head.status_code, head.headers["Content-Length"], head.headers["ETag"]) == (200, str(size), etag)
    assert head.headers["Accept-Ranges"] == complete.headers["Accept-Ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, complete.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{size}"
    assert (dated.status_code, dated.content) == (206, complete.content[100:200])
    assert (tail.status_code, tail.content) == (206, complete.content[-50:])
    assert (changed.status_code, changed.content) == (200, complete.content)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    for response in (complete, head, part, tail):
        assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("source", ["the proxy's", "Darkroom's"])
def test_conditional_requests_work_through_the_proxy_with_either_etag(request_original, source) -> None:
    """Browsers may have the other ETag from before a change of the proxy or of its configuration."""
    complete = request_original()
    etag = complete.headers["ETag"] if source == "the proxy's" else f'"{hashlib.sha256(complete.content).hexdigest()}"'

    unchanged, different = request_original(If_None_Match=etag), request_original(If_None_Match='"other"')
    resumed, changed = (
        request_original(If_Match=etag, Range="bytes=0-9"),
        request_original(If_Match='"other"', Range="bytes=0-9"),
    )

    assert (unchanged.status_code, different.status_code, different.content) == (304, 200, complete.content)
    assert (resumed.status_code, resumed.content, changed.status_code) == (206, complete.content[:10], 412)


def test_darkroom_without_a_proxy_supports_ranges_as_the_proxies_do(installation) -> None:
    session, [(photo,)] = installation.sign_in(), installation.ask("SELECT id FROM albums_photo WHERE name = 'né.jpg'")
    address = f"{installation.url}/photos/{photo}/original/"
    complete = session.get(address, timeout=60)

    part = session.get(address, headers={"Range": "bytes=100-199"}, timeout=60)
    head = session.head(address, headers={"Range": "bytes=100-199"}, timeout=60)
    beyond = session.get(address, headers={"Range": f"bytes={len(complete.content)}-"}, timeout=60)

    assert complete.headers["ETag"] == f'"{hashlib.sha256(complete.content).hexdigest()}"'
    assert (part.status_code, part.content) == (206, complete.content[100:200])
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(complete.content)))
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(complete.content)}")


def test_files_are_not_sent_to_unauthorized_clients(installation, front) -> None:
    key = installation.ask("SELECT original_key FROM albums_photo")[0][0]

    for path in (
        f"/files/{key}",
        "/files/secret_key",
        f"/static/../{key}",
        "/static/..%2fsecret_key",
        "/static/.stamp",
    ):
        response = requests.get(f"{front.url}{path}", verify=front.certificate, timeout=60, allow_redirects=False)
        assert response.status_code in (302, 400, 404), (
            path
        )  # 302: Darkroom has no such page, and redirects to the sign-in
    anonymous = requests.get(
        f"{front.url}/photos/1/original/", verify=front.certificate, timeout=60, allow_redirects=False
    )
    assert anonymous.status_code == 302


def test_static_files_are_cached_permanently(front, session) -> None:
    page = session.get(f"{front.url}/albums/", timeout=60).text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]

    response = session.get(f"{front.url}{address}", timeout=60)

    assert response.headers["Content-Type"].startswith("text/css")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Encoding"] == "gzip"


def test_nginx_reports_no_problem_in_its_configuration(front) -> None:
    if isinstance(front, Nginx):
        assert front.warnings() == ""


def test_cookies_and_hsts_are_as_strict_as_the_scheme_allows(front, session) -> None:
    response = session.get(f"{front.url}/albums/", timeout=60)
    names = sorted(cookie.name for cookie in session.cookies)

    if isinstance(front, Nginx):
        assert names == ["__Host-csrftoken", "__Host-known_device", "__Host-sessionid"]
        assert all(cookie.secure and cookie.path == "/" and not cookie.domain_specified for cookie in session.cookies)
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    else:  # plain http, for this test
        assert names == ["csrftoken", "known_device", "sessionid"]


def test_failed_sign_ins_are_counted_by_the_address_that_the_proxy_saw(front, installation) -> None:
    """X-Forwarded-For as sent by the client does not change its network, with or without a port."""
    session = requests.Session()
    session.trust_env, session.verify = False, front.certificate
    session.headers["Referer"] = front.url
    address = f"{front.url}/accounts/login/"
    session.get(address, timeout=60)
    form = {
        "username": f"nobody behind {type(front).__name__}",
        "password": "a poor guess",
        "csrfmiddlewaretoken": token(session),
    }

    statuses = [
        session.post(address, form, headers={"X-Forwarded-For": f"198.51.100.{number}:4711"}, timeout=60).status_code
        for number in range(12)
    ]

    assert statuses == [200] * 10 + [429] * 2


def test_nginx_can_limit_sign_ins_by_address_and_no_other_requests(installation, tmp_path):
    nginx = Nginx(tmp_path, servers.free_port(), installation.port, installation.data_dir, is_limited=True)
    session = requests.Session()
    session.trust_env, session.verify = False, nginx.certificate

    def status(path: str) -> int:
        headers = {"Content-Type": "application/json"}  # not a form: rejected quickly, by its headers
        return session.post(nginx.url + path, b"{}", headers=headers, timeout=240).status_code

    try:
        with ThreadPoolExecutor(20) as pool:
            sign_in_statuses = Counter(pool.map(status, ["/accounts/login/"] * 600))
            other_statuses = Counter(pool.map(status, ["/albums/new/"] * 130))
        page = session.get(f"{nginx.url}/accounts/login/", timeout=240)
    finally:
        nginx.stop()

    assert set(sign_in_statuses) == {415, 429}
    assert sign_in_statuses[415] >= 100
    assert 429 not in other_statuses
    assert page.status_code == 200


def test_nginx_limits_the_requests_of_one_address_at_a_time(installation, tmp_path):
    nginx = Nginx(tmp_path, servers.free_port(), installation.port, installation.data_dir, address_connections=10)
    target = Target(nginx.url, nginx.certificate)
    slow = Attack(slow_sign_in(target).first, count=30)
    session = requests.Session()
    session.trust_env, session.verify = False, nginx.certificate
    from_another_address = requests.Session()
    from_another_address.trust_env, from_another_address.verify = False, nginx.certificate
    from_another_address.mount("https://", OtherAddress())

    def status(client: requests.Session) -> int:
        return client.get(f"{nginx.url}/healthz", timeout=240).status_code

    try:
        assert [status(session), status(from_another_address)] == [200, 200]
        with attacks.under(target, slow):
            polling.until(lambda: status(session) == 429, what="nginx does not limit the address")
            assert status(from_another_address) == 200
    finally:
        nginx.stop()


class OtherAddress(HTTPAdapter):
    """Connects from another address of this machine."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=("127.0.0.2", 0))
