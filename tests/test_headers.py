"""The security headers of every response: pages, files, errors and JSON."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from albums.models import Album, Photo, Rendition
from albums.views.photos import CONTENT_TYPES
from processing.uploads import filenames
from tests.processing import making

pytestmark = pytest.mark.django_db

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SCRIPT = b"GIF89a/*<svg/onload=alert(1)>*/=1;alert(1)//"
NASTY_NAMES = [
    'a";filename="b.html',
    "back\\slash.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "semi;colon, comma.jpg",
    "per%20cent%0d%0a.jpg",
    "für Grüße.jpg",
    "\u202egpj.exe",
    "🏖️ plage.jpg",
    "'; DROP TABLE photo; --.jpg",
]

PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[2] / "shared" / "photos"))
COLLECTED = PHOTOS / "filenames.json"
SHARED_NAMES = sorted(
    {filenames.displayed(item["name"]) for item in json.loads(COLLECTED.read_text())["names"]}
    if COLLECTED.exists()
    else ()
)
"""As uploads store them; tests/processing/uploads/test_filenames.py tests the conversion."""


@pytest.fixture
def photo(album: Album) -> Photo:
    job = making.received(album)
    photo = making.photo(album, job)
    photo.save()
    default_storage.save(photo.original_key, ContentFile(SCRIPT))
    key = f"renditions/ab/{'ab' * 16}/400.webp"
    default_storage.save(key, ContentFile(b"RIFF"))
    Rendition.objects.create(photo=photo, edge=400, key=key, width=400, height=300, bytes=4)
    return photo


@pytest.fixture
def owner_client(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


def get(client: Client, address: str) -> Any:
    """Reads the response to its end, so that its file is closed."""
    response: Any = client.get(address)
    response.body = b"".join(response.streaming_content) if response.streaming else response.content
    return response


def addresses(photo: Photo) -> dict[str, int]:
    album = f"/albums/{photo.album_id}/"
    return {
        "/albums/": 200,
        "/albums/new/": 200,
        album: 200,
        album + "edit/": 200,
        album + "delete/": 200,
        album + "uploads/status/": 200,
        album + "uploads/": 405,
        album + "uploads/retry/": 405,
        f"/photos/{photo.pk}/": 200,
        f"/photos/{photo.pk}/delete/": 200,
        f"/photos/{photo.pk}/original/": 200,
        photo.renditions.get().get_absolute_url(): 200,
        "/jobs/": 200,
        "/healthz": 200,
        "/admin/": 302,
        "/accounts/login/": 302,
        "/albums/4711/": 404,
        "/no/such/page": 404,
        "/albums": 301,
    }


def test_every_response_has_the_security_headers(photo, owner_client):
    for address, status in addresses(photo).items():
        response = get(owner_client, address)

        assert response.status_code == status, address
        assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS, address
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert "geolocation=()" in response["Permissions-Policy"], address


def test_responses_are_cached_by_the_users_own_browser_at_most(photo, owner_client):
    for address in addresses(photo):
        cache_control = get(owner_client, address)["Cache-Control"]

        assert "private" in cache_control, address
        assert ("immutable" in cache_control) if address.endswith(".webp") else ("no-store" in cache_control), address


def test_admin_and_sign_in_pages_have_the_security_headers(admin):
    client = Client()
    for address in ("/accounts/login/", "/admin/login/"):
        response = client.get(address)
        assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    client.force_login(admin)

    policy = client.get("/admin/albums/photo/")["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_error_responses_have_the_security_headers(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    responses = [
        client.post("/albums/new/", {"title": "x"}),
        Client(headers={"host": "evil.example"}).get("/albums/"),
    ]

    assert [response.status_code for response in responses] == [403, 400]
    for response in responses:
        assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
        assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(("kind", "content_type"), [*CONTENT_TYPES.items(), ("<svg", "application/octet-stream")])
def test_an_original_is_a_sandboxed_download_with_its_content_type(photo, owner_client, kind, content_type):
    Photo.objects.update(format=kind)

    response = get(owner_client, reverse("albums:original", args=[photo.pk]))

    assert response.body == SCRIPT
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", [*NASTY_NAMES, *(pytest.param(name, marks=pytest.mark.once) for name in SHARED_NAMES)])
def test_a_file_name_is_escaped_in_the_header(photo, owner_client, name):
    Photo.objects.update(name=name)

    header = get(owner_client, reverse("albums:original", args=[photo.pk]))["Content-Disposition"]

    assert file_name(header) == name


def file_name(header: str) -> str:
    """Parses the header as a browser does: RFC 6266, with RFC 5987's charset, and RFC 9110's quoted strings."""
    kind, _, parameter = header.partition("; ")
    assert kind == "attachment"
    assert header.isascii()
    if parameter.startswith("filename*=utf-8''"):
        value = parameter.removeprefix("filename*=utf-8''")
        assert not set(value) & set(" \"';,\\<>")
        return unquote(value)
    value = parameter.removeprefix('filename="').removesuffix('"')
    assert '"' not in value.replace("\\\\", "").replace('\\"', "")
    return value.replace('\\"', '"').replace("\\\\", "\\")


def test_the_session_cookie_is_http_only_and_same_site(owner):
    client = Client()
    client.post("/accounts/login/", {"username": "owner", "password": "a fine password"})
    session = client.cookies["sessionid"]

    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Lax", "/")
