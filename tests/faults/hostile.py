"""Malicious inputs, generated from a seed: damaged files, and requests as raw bytes."""

import io
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

REAL = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[3] / "shared" / "photos"))
MAX_BYTES = 4 << 20
ODD = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e9",
        "NaN",
        "9" * 30,
        "1\0",
        "\0",
        "\x7f",
        "\r\nX-Evil: 1",
        "%",
        "%s%n",
        "%00",
        "../../etc/passwd",
    ),
    *(
        "<script>top.ran=1</script>",
        "' OR 1=1 --",
        "{{ 7|add:7 }}",
        "${jndi:ldap://x}",
        "\u202e",
        "\ud7ff",
        "ß" * 300,
        "[]",
    ),
    *(
        "١٢",
        "²",
        "1_0",
        "+1",
        "0x10",
        "true",
        "null",
        "a" * 5000,
        "9999-99-99",
        "😀" * 50,
        "\x1b[2J",
        "2026-11-21T25:61",
    ),
)
CHARSETS = (
    "utf-8",
    "latin-1",
    "utf-7",
    "utf-16",
    "rot13",
    "base64",
    "zlib",
    "idna",
    "undefined",
    "punycode",
    "x" * 300,
    "",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 30)
NAMES = (
    *("../../etc/passwd", "..\\..\\x.png", "a\0.php", "line\nbreak.jpg", "CON", ".", "..", "", "x" * 4000, "<b>.jpg"),
    *(
        '"; filename="y',
        "x\r\nSet-Cookie: a=b",
        "\u202egpj.exe",
        "%2e%2e%2f",
        "é" * 300,
        "{{ 7 }}",
        "/",
        "\\",
        "a/b/",
        "-rf",
    ),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A running installation as an attacker with an account sees it."""

    host: str
    cookie: str
    token: str
    album: int
    photo: int
    upload: str
    """The path of an upload that is in progress."""

    @property
    def head(self) -> dict[str, str]:
        return {
            "Host": self.host,
            "Cookie": self.cookie,
            "X-CSRFToken": self.token,
            "Origin": f"http://{self.host}",
            "Connection": "close",
        }


Kind = Callable[[Target, random.Random], bytes]


def request(method: str, path: str, head: dict[str, str], body: bytes = b"") -> bytes:
    """Return a request without any check; a Content-Length is added unless the headers name a length or chunks."""
    lines = dict(head)
    if body and not {"Content-Length", "Transfer-Encoding"} & lines.keys():
        lines["Content-Length"] = str(len(body))
    request_lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    return "\r\n".join(request_lines).encode("utf-8", "surrogateescape") + body


def requests(
    target: Target, rng: random.Random, count: int, more_kinds: Mapping[str, Kind] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Generate requests, each with the name of its kind. `more_kinds` adds kinds to those of this module."""
    kinds: dict[str, Kind] = {
        "path": _path,
        "head": _head,
        "query": _query,
        "field": _field,
        "multipart": _multipart,
        "framing": _framing,
        **(more_kinds or {}),
    }
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        yield kind, kinds[kind](target, rng)


def pages(target: Target) -> tuple[str, ...]:
    album, photo = f"/albums/{target.album}/", f"/photos/{target.photo}/"
    return (
        *("/albums/", "/jobs/", "/albums/new/", "/accounts/login/", "/healthz", "/admin/", "/admin/login/"),
        *(album, f"{album}uploads/status/", f"{album}uploads/", f"{album}uploads/tus/", photo, f"{photo}original/"),
        *(
            "/admin/albums/photo/",
            "/admin/albums/album/",
            "/admin/processing/processingjob/",
            "/admin/processing/upload/",
        ),
        *("/admin/processing/batch/", "/admin/processing/jobevent/", f"/admin/albums/photo/{target.photo}/change/"),
        *("/admin/auth/user/", "/admin/jsi18n/", "/admin/autocomplete/", "/static/css/darkroom.css"),
    )


def _path(target: Target, rng: random.Random) -> bytes:
    parent = rng.choice(
        ("../", "..%2f", "%2e%2e/", "..%5c", "....//", "%252e%252e/", "..;/", "//", "./", "%c0%ae%c0%ae/", "%00")
    )
    prefix = rng.choice(
        ("/static/", "/photos/1/", "/albums/", "/", "/uploads/", "/admin/", "/welcome/", "/static/css/")
    )
    odd_value = quote(rng.choice(ODD))
    end = rng.choice(
        ("etc/passwd", "db.sqlite3", "secret_key", "config/settings.py", "2560.webp", "%ff%fe", "1", odd_value)
    )
    method = rng.choice(METHODS)
    return request(method, prefix + parent * rng.randrange(6) + end, target.head)


def _head(target: Target, rng: random.Random) -> bytes:
    name = rng.choice(
        (
            *(
                "Host",
                "Origin",
                "Referer",
                "Cookie",
                "X-CSRFToken",
                "X-Forwarded-For",
                "X-Forwarded-Proto",
                "X-Forwarded-Host",
            ),
            *(
                "Content-Type",
                "Content-Length",
                "Range",
                "If-Modified-Since",
                "If-None-Match",
                "Accept",
                "Accept-Encoding",
            ),
            *(
                "HX-Request",
                "HX-Target",
                "HX-Current-URL",
                "HX-Trigger",
                "Expect",
                "Upgrade",
                "Tus-Resumable",
                "Upload-Offset",
            ),
            *(
                "Upload-Length",
                "Upload-Metadata",
                "Authorization",
                "X-HTTP-Method-Override",
                "Content-Encoding",
                "Bad Name",
                "",
            ),
        )
    )
    value = rng.choice(
        (*ODD, "x" * 70_000, "evil.example", "null", "bytes=5-1", "100-continue", "*/*;q=x", "sessionid=\0; x")
    )
    return request(rng.choice(("GET", "POST")), rng.choice(pages(target)), target.head | {name: value})


def _query(target: Target, rng: random.Random) -> bytes:
    names = (
        *(
            "seen",
            "page",
            "form",
            "next",
            "q",
            "o",
            "p",
            "e",
            "all",
            "_to_field",
            "_popup",
            "_changelist_filters",
            "age",
        ),
        *(
            "created_at__year",
            "created_at__month",
            "created_at__day",
            "created_at__gte",
            "created_at__isnull",
            "format",
        ),
        *(
            "state__exact",
            "album__id__exact",
            "owner__password__startswith",
            "id__in",
            "term",
            "app_label",
            "model_name",
        ),
    )
    pairs = [f"{rng.choice(names)}={quote(rng.choice(ODD))}" for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.05:
        pairs = [f"x{number}=1" for number in range(3000)]
    return request("GET", rng.choice(pages(target)) + "?" + "&".join(pairs), target.head)


def _field(target: Target, rng: random.Random) -> bytes:
    album = f"/albums/{target.album}/"
    path, names = rng.choice(
        (
            ("/albums/new/", ("title", "owner", "id")),
            (f"{album}edit/", ("title", "pk")),
            (f"{album}uploads/retry/", ("job",)),
            (f"{album}uploads/clear/", ("job",)),
            (f"{album}uploads/cancel/", ("job",)),
            ("/accounts/login/", ("username", "password", "next")),
            ("/admin/login/", ("username", "password", "next")),
            ("/welcome/guess/", ("username", "password1", "password2")),
            ("/admin/processing/processingjob/", ("action", "_selected_action", "select_across", "index")),
            ("/admin/albums/photo/", ("action", "_selected_action", "form-TOTAL_FORMS", "_save")),
            (
                f"/admin/albums/photo/{target.photo}/change/",
                ("title", "keywords", "album", "aperture", "taken_at_0", "rating"),
            ),
            ("/admin/albums/album/add/", ("title", "owner")),
        )
    )
    fields = [f"{rng.choice(names)}={quote(rng.choice(ODD))}" for _ in range(rng.randrange(1, 5))]
    body = "&".join(fields).encode()
    if rng.random() < 0.1:
        body += rng.choice((b"&" * 2000, b"&title=" + b"x" * 3_000_000, b"&\xff\xfe=%ff%zz", b"&x=1" * 1500))
    charset = f"; charset={rng.choice(CHARSETS)}" if rng.random() < 0.3 else ""
    head = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    return request("POST", path, target.head | head, body)


def part(disposition: str, content: bytes, more: str = "") -> bytes:
    head = f"Content-Disposition: form-data; {disposition}\r\nContent-Type: image/jpeg\r\n{more}\r\n"
    return head.encode("utf-8", "surrogateescape") + content


def _multipart(target: Target, rng: random.Random) -> bytes:
    """A form with invalid files, part headers, boundary or end."""
    boundary = rng.choice(("b", "-" * 30, "x" * 300, "b b", 'q"q', "ü", ""))
    names = [rng.choice(NAMES).replace("\r\n", "%0D%0A") for _ in range(3)]
    junk = rng.randbytes(rng.randrange(400))
    parts = rng.choice(
        (
            [part(f'name="photos"; filename="{name}"', junk) for name in names],
            [part(f"name=\"photos\"; filename*=utf-8''{quote(names[0])}", junk)],
            [part(f'name="photos"; filename*=klingon\'\'%FF%00; filename="{names[0]}"', junk)],
            [part('name="photos"; filename="a.jpg"', b"!!!not base64!!!", "Content-Transfer-Encoding: base64\r\n")],
            [part('name="photos"; filename="a.jpg"', junk, "Content-Transfer-Encoding: base64\r\n")],
            [part('name="photos"; filename="a.jpg"', junk, f"X-Long: {'y' * 9000}\r\n")],
            [part('name="photos"', junk), part('name="photos"; filename="a.jpg"', junk)],
            [part("filename=a.jpg", junk)],
            [part(f'name="{rng.choice(ODD)}"; filename="a.jpg"', junk)],
            [part(f'name="f{number}"', b"1") for number in range(1500)],
            [part(f'name="photos"; filename="{number}.jpg"', b"") for number in range(40)],
            [part('name="title"', b"x" * 3_000_000)],
            [
                part(
                    'name="photos"; filename="n"', b"--c\r\n" + part('name="photos"; filename="i"', junk) + b"\r\n--c--"
                )
            ],
            [b"", b"\r\n\r\n", b":\r\n\r\n" + junk],
            [junk],
        )
    )
    delimiter = boundary.encode()
    body = (
        b"".join(b"--" + delimiter + b"\r\n" + section + b"\r\n" for section in parts) + b"--" + delimiter + b"--\r\n"
    )
    damage = rng.choice((None, None, None, "cut", "flip", "no end", "doubled", "wrong boundary"))
    if damage == "cut":
        body = body[: rng.randrange(len(body))]
    elif damage == "flip":
        body = flip_bits(body, rng)
    elif damage == "no end":
        body = body[: -len(delimiter) - 6]
    elif damage == "doubled":
        body += body
    declared_boundary = "other" if damage == "wrong boundary" else boundary
    kind = rng.choice(
        (
            f"multipart/form-data; boundary={declared_boundary}",
            f'multipart/form-data; boundary="{declared_boundary}"',
            f"multipart/form-data; boundary={declared_boundary}; charset={rng.choice(CHARSETS)}",
            "multipart/form-data",
            "multipart/mixed; boundary=b",
        )
    )
    accept = rng.choice(("application/json", "text/html", "*/*"))
    path = f"/albums/{target.album}/uploads/" if rng.random() < 0.8 else rng.choice(pages(target))
    return request("POST", path, target.head | {"Content-Type": kind, "Accept": accept}, body)


def _framing(target: Target, rng: random.Random) -> bytes:
    """A body with a wrong length or invalid chunks."""
    body = b"--b\r\n" + part('name="photos"; filename="a.jpg"', rng.randbytes(200)) + b"\r\n--b--\r\n"
    head = target.head | {"Content-Type": "multipart/form-data; boundary=b", "Accept": "application/json"}
    wrong_framing: dict[str, str] = rng.choice(
        (
            {"Content-Length": "99999999999999999999"},
            {"Content-Length": str(len(body) + 1 + rng.randrange(10_000_000))},
            {"Content-Length": str(rng.randrange(len(body)))},
            {"Content-Length": rng.choice(("-1", "abc", "1, 2", "0x10", "", "+5", "٣"))},
            {"Transfer-Encoding": "chunked"},
            {"Transfer-Encoding": "chunked", "Content-Length": "5"},
            {"Transfer-Encoding": rng.choice(("gzip, chunked", "identity", "chunked, chunked", "xchunked", ""))},
            {"Content-Encoding": "gzip"},
        )
    )
    if "Transfer-Encoding" in wrong_framing:
        size = rng.choice((f"{len(body):x}", "ffffffffffffffff", "-1", "zz", "0", f"{len(body):x};x={'y' * 2000}"))
        body = size.encode() + b"\r\n" + body + b"\r\n" + rng.choice((b"0\r\n\r\n", b"", b"0\r\nX: y\r\n\r\n"))
    path = rng.choice((f"/albums/{target.album}/uploads/", "/albums/new/", "/accounts/login/"))
    return request("POST", path, head | wrong_framing, body)


def files(rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Generate `count` random damaged photos: cut off, with flipped bits, or with another file extension."""
    variants = [(name, content, damage) for name, content in _sources() for damage in ("cut", "flipped", "renamed")]
    for number, (name, content, damage) in enumerate(rng.sample(variants, min(count, len(variants)))):
        if damage == "cut":
            yield f"{number}-cut-{name}", content[: rng.randrange(len(content))]
        elif damage == "flipped":
            yield f"{number}-flipped-{name}", flip_bits(content, rng)
        else:
            extension = rng.choice(("jpg", "png", "tif", "heic", "svg", "php", "html"))
            # One more byte: a file that the album already has is rejected before it is decoded.
            yield f"{number}-{Path(name).stem}.{extension}", content + rng.randbytes(1)


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    """Flip random bits, most of them near the start, where the structure is."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 8, 64))):
        span = rng.choice((64, 1024, len(damaged)))
        damaged[rng.randrange(min(span, len(damaged)))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _sources() -> Iterator[tuple[str, bytes]]:
    photos = [
        path for path in sorted(REAL.rglob("*.*")) if path.suffix != ".json" and 0 < path.stat().st_size <= MAX_BYTES
    ]
    for path in photos:
        yield path.name, path.read_bytes()
    if not photos:
        yield from generated_pictures()


def generated_pictures() -> Iterator[tuple[str, bytes]]:
    for number in range(16):
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
            file = io.BytesIO()
            Image.effect_noise((120 + number, 90), 60).save(file, kind)
            yield f"{number}.{kind.lower()}", file.getvalue()
