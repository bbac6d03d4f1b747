"""Files in forms of views that take none: refused before a byte of them is stored, whoever sends them."""

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from processing.models import Upload

pytestmark = pytest.mark.django_db

OPEN = ["/accounts/login/", "/admin/login/", "/welcome/anything/"]
OWN = [
    "/albums/new/",
    "/albums/{album}/edit/",
    "/albums/{album}/delete/",
    "/albums/{album}/uploads/cancel/",
    "/albums/{album}/uploads/retry/",
    "/failures/retry/",
    "/accounts/logout/",
]
FOR_STAFF = ["/admin/auth/user/add/", "/admin/albums/album/add/", "/limits/reclaim/", "/storage/validate/"]
JSON = {"Accept": "application/json"}
LARGE = 3 << 20
"""Bytes that Django's own handlers would write to a file."""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Path:
    """Where Django would put a file that it was told no other place for."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def send(client: Client, address: str, *, headers: dict[str, str] | None = None):
    """As anybody can who invents the cookie of the CSRF check, and its token."""
    client.cookies["csrftoken"] = "a" * 32
    form = {"csrfmiddlewaretoken": "a" * 32, "file": SimpleUploadedFile("a.bin", bytes(LARGE))}
    return client.post(address, form, headers=headers or {})


def stored(*places: Path) -> list[Path]:
    return [
        path for place in places for path in place.rglob("*") if path.is_file() and path.stat().st_size > LARGE // 2
    ]


@pytest.mark.parametrize("address", OPEN)
def test_nobody_can_store_a_file_without_signing_in(address, data_dir, temporary, owner):
    answer = send(Client(enforce_csrf_checks=True), address)

    assert answer.status_code in (404, 413)
    assert stored(data_dir, temporary) == []


@pytest.mark.parametrize("address", OWN)
def test_no_form_of_a_page_takes_a_file(address, album, owner, data_dir, temporary):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    answer = send(client, address.format(album=album.pk), headers=JSON)

    assert (answer.status_code, answer.json()["error"]) == (413, "files-not-taken")
    assert stored(data_dir, temporary) == []


@pytest.mark.parametrize("address", FOR_STAFF)
def test_nor_does_one_of_the_admin_or_of_the_settings(address, admin, data_dir, temporary):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)

    answer = send(client, address)

    assert answer.status_code == 413
    assert "This address doesn&#x27;t accept files. Nothing was stored." in answer.content.decode()
    assert stored(data_dir, temporary) == []


@pytest.mark.parametrize("address", [address.format(album=1) for address in OWN])
def test_who_is_not_signed_in_is_sent_to_sign_in_before_anything_is_read(address, data_dir):
    assert send(Client(enforce_csrf_checks=True), address).status_code in (302, 403, 404, 413)


def test_the_addresses_of_resumable_uploads_take_no_form(album, owner, data_dir, temporary):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    for address in (f"/albums/{album.pk}/uploads/tus/", f"/albums/{album.pk}/uploads/manifest/"):
        assert 400 <= send(client, address, headers={"X-CSRFToken": "a" * 32}).status_code < 500
    assert stored(data_dir, temporary) == []
    assert not Upload.objects.exists()


def test_a_form_without_files_is_read_in_that_encoding_too(album, owner):
    client = Client()
    client.force_login(owner)

    assert client.post("/albums/new/", {"title": "Winter"}).status_code == 302
