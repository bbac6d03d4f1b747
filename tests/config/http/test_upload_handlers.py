"""Files sent to views that accept none: rejected for every kind of user before a byte is stored."""

import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from processing.models import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.once]

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
def temporary_directory(tmp_path, monkeypatch) -> Path:
    """Django's default directory for uploaded files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def send(client: Client, address: str, *, headers: dict[str, str] | None = None):
    """Sends a file with an invented CSRF cookie and token, as any client can."""
    client.cookies["csrftoken"] = "a" * 32
    form = {"csrfmiddlewaretoken": "a" * 32, "file": SimpleUploadedFile("a.bin", bytes(LARGE))}
    return client.post(address, form, headers=headers or {})


def stored_files(*directories: Path) -> list[Path]:
    return [
        path
        for directory in directories
        for path in directory.rglob("*")
        if path.is_file() and path.stat().st_size > LARGE // 2
    ]


@pytest.mark.parametrize("address", OPEN)
def test_no_file_is_stored_without_signing_in(address, data_dir, temporary_directory, owner):
    response = send(Client(enforce_csrf_checks=True), address)

    assert response.status_code in (404, 413)
    assert stored_files(data_dir, temporary_directory) == []


@pytest.mark.parametrize("address", OWN)
def test_no_form_of_a_page_accepts_a_file(address, album, owner, data_dir, temporary_directory):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, address.format(album=album.pk), headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "files-not-taken")
    assert stored_files(data_dir, temporary_directory) == []


@pytest.mark.parametrize("address", FOR_STAFF)
def test_no_form_of_the_admin_or_the_settings_accepts_a_file(address, admin, data_dir, temporary_directory):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)

    response = send(client, address)

    assert response.status_code == 413
    assert "This address doesn&#x27;t accept files. Nothing was stored." in response.content.decode()
    assert stored_files(data_dir, temporary_directory) == []


@pytest.mark.parametrize("address", [address.format(album=1) for address in OWN])
def test_an_anonymous_upload_is_redirected_or_rejected_before_the_body_is_read(address, data_dir):
    assert send(Client(enforce_csrf_checks=True), address).status_code in (302, 403, 404, 413)


def test_the_addresses_of_resumable_uploads_accept_no_form(album, owner, data_dir, temporary_directory):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    for address in (f"/albums/{album.pk}/uploads/tus/", f"/albums/{album.pk}/uploads/manifest/"):
        assert 400 <= send(client, address, headers={"X-CSRFToken": "a" * 32}).status_code < 500
    assert stored_files(data_dir, temporary_directory) == []
    assert not Upload.objects.exists()


def test_a_form_without_files_is_accepted(album, owner):
    client = Client()
    client.force_login(owner)

    assert client.post("/albums/new/", {"title": "Winter"}).status_code == 302
