"""What every answer tells the browser: pages, files, errors and JSON."""

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
    {filenames.displayed(each["name"]) for each in json.loads(COLLECTED.read_text())["names"]}
    if COLLECTED.exists()
    else ()
)
"""As the intake lets them in; what it does to them is its own tests' matter."""


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
def client_of_owner(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


def get(client: Client, address: str) -> Any:
    """Read to the end, so that its file is closed."""
    answer: Any = client.get(address)
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


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


def test_every_answer_has_the_headers_that_keep_it_harmless(photo, client_of_owner):
    for address, status in addresses(photo).items():
        answer = get(client_of_owner, address)

        assert answer.status_code == status, address
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, address
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert "geolocation=()" in answer["Permissions-Policy"], address


def test_what_is_private_is_kept_by_no_cache_but_the_persons_own(photo, client_of_owner):
    for address in addresses(photo):
        kept = get(client_of_owner, address)["Cache-Control"]

        assert "private" in kept, address
        assert ("immutable" in kept) if address.endswith(".webp") else ("no-store" in kept), address


def test_the_admins_pages_and_the_way_in_have_them_too(admin):
    client = Client()
    for address in ("/accounts/login/", "/admin/login/"):
        answer = client.get(address)
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    client.force_login(admin)

    policy = client.get("/admin/albums/photo/")["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_an_error_of_ours_has_them_too(owner):
    refused = Client(enforce_csrf_checks=True)
    refused.force_login(owner)
    answers = [
        refused.post("/albums/new/", {"title": "x"}),
        Client(headers={"host": "evil.example"}).get("/albums/"),
    ]

    assert [answer.status_code for answer in answers] == [403, 400]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
        assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(("kind", "content_type"), [*CONTENT_TYPES.items(), ("<svg", "application/octet-stream")])
def test_an_original_is_a_download_of_its_true_type_that_runs_nothing(photo, client_of_owner, kind, content_type):
    Photo.objects.update(format=kind)

    answer = get(client_of_owner, reverse("albums:original", args=[photo.pk]))

    assert answer.body == SCRIPT
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", [*NASTY_NAMES, *(pytest.param(name, marks=pytest.mark.once) for name in SHARED_NAMES)])
def test_a_name_cannot_leave_its_place_in_the_header(photo, client_of_owner, name):
    Photo.objects.update(name=name)

    told = get(client_of_owner, reverse("albums:original", args=[photo.pk]))["Content-Disposition"]

    assert file_name(told) == name


def file_name(header: str) -> str:
    """As a browser reads it: RFC 6266, with RFC 5987's charset, and RFC 9110's quoted strings."""
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


def test_the_cookies_of_a_session_are_out_of_reach_of_scripts_and_other_sites(owner):
    client = Client()
    client.post("/accounts/login/", {"username": "owner", "password": "a fine password"})
    session = client.cookies["sessionid"]

    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Lax", "/")
