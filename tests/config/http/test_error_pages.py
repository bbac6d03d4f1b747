import errno

import pytest
from django.db import OperationalError
from django.test import Client

from albums.models import Album
from albums.views import albums

pytestmark = pytest.mark.once


@pytest.fixture
def client(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


def database_error(**attributes: object) -> OperationalError:
    """Django's error, with the attributes of the database module's error as its cause."""
    cause = RuntimeError()
    vars(cause).update(attributes)
    error = OperationalError("some words")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (OperationalError("database is locked"), 503, "busy"),
        (database_error(sqlite_errorcode=13), 507, "disk is full"),
        (database_error(sqlstate="53100"), 507, "disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk is full"),
        (OSError(errno.EIO, "Input/output error"), 500, "Server error"),
        (RuntimeError("a fault of ours"), 500, "Server error"),
    ],
)
def test_temporary_errors_are_distinguished_from_server_errors(client, monkeypatch, error, status, text):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(albums.shelf, "cards", fail)

    response = client.get("/albums/")

    assert response.status_code == status
    assert text in response.content.decode()
    assert response.has_header("Retry-After") == (status in (503, 507))
    assert str(error) not in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"x=1&" * 2000, b"x=" + b"1" * 3_000_000])
def test_a_form_that_is_too_large_is_rejected_with_a_message(body):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32

    response = client.generic("POST", "/accounts/login/", body, content_type="application/x-www-form-urlencoded")

    assert response.status_code == 400
    assert b"Bad request" in response.content


@pytest.mark.parametrize(("address", "status"), [("/no/such/page", 404), ("/albums/new/", 400), ("/albums/4711/", 400)])
def test_a_form_without_a_boundary_is_no_server_error(client, address, status):
    client.handler.enforce_csrf_checks = True
    client.cookies["csrftoken"] = "a" * 32

    response = client.generic("POST", address, b"no parts", content_type="multipart/form-data")

    assert response.status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("/no/such/page", "There is no page at this address."),
        ("/albums/4711/", "This album was deleted, or it belongs to another user."),
        ("/albums/4711/cover.webp", "This album was deleted, or it belongs to another user."),
        ("/albums/4711/uploads/status/", "This album was deleted, or it belongs to another user."),
        ("/photos/4711/", "This photo was deleted, or it belongs to another user."),
        ("/companions/4711/", "This photo was deleted, or it belongs to another user."),
        ("/batches/4711/", "This upload record was deleted, or it belongs to another user."),
        ("/storage/", "This page doesn&#x27;t exist, or you don&#x27;t have permission to open it."),
        ("/failures/?album=4711", "This page doesn&#x27;t exist, or you don&#x27;t have permission to open it."),
    ],
)
def test_a_missing_page_says_what_is_missing(client, address, text):
    response = client.get(address)

    assert response.status_code == 404
    assert text in response.content.decode()


def test_another_users_album_looks_like_one_that_does_not_exist(client, stranger, admin):
    other_album = Album.objects.create(title="Secret", owner=stranger)

    pages = [client.get(f"/albums/{number}/").content for number in (other_album.pk, 4711)]

    assert pages[0] == pages[1]
