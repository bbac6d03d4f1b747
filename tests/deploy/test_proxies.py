"""nginx and Caddy with the configurations that are handed out, in front of a real Darkroom."""

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests import polling, servers
from tests.deploy import fronts
from tests.deploy.fronts import Caddy, Front, Nginx
from tests.installation import NAME, PASSWORD, Installation, token
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]
HALF = 1 << 19
KEPT = [
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
def plain(tmp_path_factory) -> Iterator[Installation]:
    """With one photo, and no proxy that is known to it."""
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
def front(request, plain, tmp_path_factory) -> Iterator[Front]:
    """With a web server of its own behind it, which knows of it."""
    kind, port, upstream = request.param, servers.free_port(), servers.free_port()
    scheme = "https" if kind is Nginx else "http"
    env = {"PORT": str(upstream), "PUBLIC_URL": f"{scheme}://127.0.0.1:{port}", "X_ACCEL": "/files/"}
    plain.start("serve", name=kind.__name__, env=env)
    try:
        polling.until(lambda: fronts.answers(upstream), what="the web server behind the proxy does not answer")
        front = kind(tmp_path_factory.mktemp("front"), port, upstream, plain.data_dir)
        try:
            yield front
        finally:
            front.stop()
    finally:
        plain.kill(kind.__name__)


@pytest.fixture(scope="module")
def session(front) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # or the machine's own list of authorities would come before the certificate
    session.verify = front.certificate
    session.headers.update({"Referer": front.url, "Tus-Resumable": "1.0.0"})
    address = f"{front.url}/accounts/login/"
    session.get(address, timeout=60)
    form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": token(session)}
    assert session.post(address, form, timeout=60, allow_redirects=False).status_code == 302
    return session


@pytest.fixture
def album(plain) -> int:
    """Of its own, for what is sent locks it."""
    return plain.new_album(plain.sign_in(), "Sent through a proxy")


def expected(front: Front, session: requests.Session, album: int, content: bytes) -> str:
    """The address of an upload that was created through the proxy; it has to lead through the proxy, too."""
    headers = {
        "X-CSRFToken": token(session),
        "Upload-Length": str(len(content)),
        "Upload-Metadata": f"filename {base64.b64encode(b'cut.jpg').decode()}",
    }
    answer = session.post(f"{front.url}/albums/{album}/uploads/tus/", headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].startswith(front.url)
    return answer.headers["Location"]


def test_what_arrived_before_the_line_was_cut_is_kept_and_the_rest_follows(plain, front, session, album) -> None:
    content = os.urandom(2 * HALF)
    address = expected(front, session, album, content)
    draft = plain.data_dir / "incoming" / f"{address.split('/')[-2]}.part"
    cookies = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    head = "\r\n".join([
        f"PATCH {address.removeprefix(front.url)} HTTP/1.1", f"Host: {front.url.split('//')[1]}", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream", f"Content-Length: {len(content)}", "Tus-Resumable: 1.0.0",
        f"Cookie: {cookies}", f"Referer: {front.url}", f"X-CSRFToken: {token(session)}", "", "",
    ])  # fmt: skip

    with fronts.line_to(front) as line:
        line.sendall(head.encode() + content[:HALF])
        # The request never ends, and yet its bytes are there while the line still stands.
        polling.until(lambda: draft.exists() and draft.stat().st_size, what="the proxy keeps the body back")
    offset = polling.until(
        lambda: int(session.head(address, timeout=60).headers["Upload-Offset"]), what="nothing is kept"
    )
    assert 0 < offset <= HALF
    headers = {"X-CSRFToken": token(session), "Upload-Offset": str(offset)}
    headers |= {"Content-Type": "application/offset+octet-stream"}
    answer = session.patch(address, content[offset:], headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(content)))


def test_a_body_of_any_size_passes(front, session, album) -> None:
    files = [("photos", ("large.jpg", os.urandom(24 << 20)))]
    headers = {"X-CSRFToken": token(session), "Accept": "application/json"}

    answer = session.post(f"{front.url}/albums/{album}/uploads/", files=files, headers=headers, timeout=120)

    assert answer.status_code == 200, answer.text[:500]


@pytest.mark.parametrize("which", ["original", "rendition", "raw"])
def test_the_proxy_sends_files_with_the_very_headers_that_darkroom_sends(plain, front, session, which) -> None:
    photo, key = plain.ask("SELECT photo_id, key FROM albums_rendition WHERE edge = 800 LIMIT 1")[0]
    [(failed,)] = plain.ask("SELECT id FROM processing_processingjob WHERE state = 'failed'")
    path = {
        "original": f"/photos/{photo}/original/",
        "rendition": f"/photos/{photo}/{key.split('/')[2]}/800.webp",
        "raw": f"/jobs/{failed}/raw/",
    }[which]
    direct = plain.sign_in().get(f"{plain.url}{path}", timeout=60)

    passed = session.get(f"{front.url}{path}", timeout=60)

    assert (passed.status_code, passed.content == direct.content) == (200, True)
    wanted = {name: value for name in KEPT if (value := direct.headers.get(name))}
    assert {name: passed.headers.get(name) for name in wanted} == wanted
    several = session.get(f"{front.url}{path}", headers={"Range": "bytes=0-1,8-9"}, timeout=60)
    assert several.headers["Content-Type"].startswith(
        "multipart/byteranges"
    )  # the proxy sends it: Darkroom knows no such answer


@pytest.fixture
def asking(plain, front, session) -> Callable[..., requests.Response]:
    """Asks through the proxy for the original of the photo."""
    [(photo,)] = plain.ask("SELECT id FROM albums_photo WHERE name = 'né.jpg'")

    def ask(method: str = "GET", **headers: str) -> requests.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()} | {"Accept-Encoding": "identity"}
        return session.request(method, f"{front.url}/photos/{photo}/original/", headers=told, timeout=60)

    return ask


def test_a_download_goes_on_through_the_proxy(front, asking) -> None:
    whole = asking()
    etag, size = whole.headers["ETag"], len(whole.content)
    if isinstance(front, Nginx):
        assert etag == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    head = asking("HEAD")
    part = asking(Range="bytes=100-199", If_Range=etag)
    dated = asking(Range="bytes=100-199", If_Range=whole.headers["Last-Modified"])
    tail = asking(Range="bytes=-50")
    other = asking(Range="bytes=100-199", If_Range='"other"')
    beyond = asking(Range=f"bytes={size}-")

    assert (head.status_code, head.headers["Content-Length"], head.headers["ETag"]) == (200, str(size), etag)
    assert head.headers["Accept-Ranges"] == whole.headers["Accept-Ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{size}"
    assert (dated.status_code, dated.content) == (206, whole.content[100:200])
    assert (tail.status_code, tail.content) == (206, whole.content[-50:])
    assert (other.status_code, other.content) == (200, whole.content)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    for answer in (whole, head, part, tail):
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("whose", ["the proxy's", "Darkroom's"])
def test_conditions_hold_through_the_proxy_whose_etag_ever_they_name(asking, whose) -> None:
    """Whoever changes the proxy, or updates its configuration late, has told browsers the other one."""
    whole = asking()
    etag = whole.headers["ETag"] if whose == "the proxy's" else f'"{hashlib.sha256(whole.content).hexdigest()}"'

    same, other = asking(If_None_Match=etag), asking(If_None_Match='"other"')
    goes_on, changed = asking(If_Match=etag, Range="bytes=0-9"), asking(If_Match='"other"', Range="bytes=0-9")

    assert (same.status_code, other.status_code, other.content) == (304, 200, whole.content)
    assert (goes_on.status_code, goes_on.content, changed.status_code) == (206, whole.content[:10], 412)


def test_darkroom_alone_answers_ranges_as_the_proxies_do(plain) -> None:
    session, [(photo,)] = plain.sign_in(), plain.ask("SELECT id FROM albums_photo WHERE name = 'né.jpg'")
    address = f"{plain.url}/photos/{photo}/original/"
    whole = session.get(address, timeout=60)

    part = session.get(address, headers={"Range": "bytes=100-199"}, timeout=60)
    head = session.head(address, headers={"Range": "bytes=100-199"}, timeout=60)
    beyond = session.get(address, headers={"Range": f"bytes={len(whole.content)}-"}, timeout=60)

    assert whole.headers["ETag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(whole.content)))
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.content)}")


def test_a_file_is_sent_to_nobody_who_may_not_have_it(plain, front) -> None:
    key = plain.ask("SELECT original_key FROM albums_photo")[0][0]

    for path in (
        f"/files/{key}",
        "/files/secret_key",
        f"/static/../{key}",
        "/static/..%2fsecret_key",
        "/static/.stamp",
    ):
        answer = requests.get(f"{front.url}{path}", verify=front.certificate, timeout=60, allow_redirects=False)
        assert answer.status_code in (302, 400, 404), path  # 302: to sign in, by Darkroom, which knows no such page
    anonymous = requests.get(
        f"{front.url}/photos/1/original/", verify=front.certificate, timeout=60, allow_redirects=False
    )
    assert anonymous.status_code == 302


def test_static_files_are_kept_for_ever(front, session) -> None:
    page = session.get(f"{front.url}/albums/", timeout=60).text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]

    answer = session.get(f"{front.url}{address}", timeout=60)

    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"


def test_nginx_has_nothing_to_complain_of(front) -> None:
    if isinstance(front, Nginx):
        assert front.complaints() == ""


def test_cookies_and_hsts_are_as_strict_as_the_line_allows(front, session) -> None:
    answer = session.get(f"{front.url}/albums/", timeout=60)
    names = sorted(cookie.name for cookie in session.cookies)

    if isinstance(front, Nginx):
        assert names == ["__Host-csrftoken", "__Host-known_device", "__Host-sessionid"]
        assert all(cookie.secure and cookie.path == "/" and not cookie.domain_specified for cookie in session.cookies)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    else:  # plain http, for this test
        assert names == ["csrftoken", "known_device", "sessionid"]


def test_who_guesses_is_told_apart_by_the_address_that_the_proxy_saw(front, plain) -> None:
    """What the client writes into X-Forwarded-For by itself makes no other network of it, with a port or without."""
    stranger = requests.Session()
    stranger.trust_env, stranger.verify = False, front.certificate
    stranger.headers["Referer"] = front.url
    address = f"{front.url}/accounts/login/"
    stranger.get(address, timeout=60)
    form = {
        "username": f"nobody behind {type(front).__name__}",
        "password": "a poor guess",
        "csrfmiddlewaretoken": token(stranger),
    }

    answers = [
        stranger.post(address, form, headers={"X-Forwarded-For": f"198.51.100.{number}:4711"}, timeout=60).status_code
        for number in range(12)
    ]

    assert answers == [200] * 10 + [429] * 2


def test_nginx_can_limit_sign_ins_by_address_and_nothing_else(plain, tmp_path):
    nginx = Nginx(tmp_path, servers.free_port(), plain.port, plain.data_dir, is_limited=True)
    session = requests.Session()
    session.trust_env, session.verify = False, nginx.certificate

    def status(path: str) -> int:
        headers = {"Content-Type": "application/json"}  # no form: refused by its head, in no time
        return session.post(nginx.url + path, b"{}", headers=headers, timeout=240).status_code

    try:
        with ThreadPoolExecutor(20) as pool:
            answers = Counter(pool.map(status, ["/accounts/login/"] * 600))
            others = Counter(pool.map(status, ["/albums/new/"] * 130))
        page = session.get(f"{nginx.url}/accounts/login/", timeout=240)
    finally:
        nginx.stop()

    assert set(answers) == {415, 429}
    assert answers[415] >= 100
    assert 429 not in others
    assert page.status_code == 200
