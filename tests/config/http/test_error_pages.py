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


def caused(**codes: object) -> OperationalError:
    """As Django raises it, with what the database's own module told."""
    cause = RuntimeError()
    vars(cause).update(codes)
    error = OperationalError("some words")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("database is locked"), 503, "busy"),
        (caused(sqlite_errorcode=13), 507, "disk is full"),
        (caused(sqlstate="53100"), 507, "disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk is full"),
        (OSError(errno.EIO, "Input/output error"), 500, "Server error"),
        (RuntimeError("a fault of ours"), 500, "Server error"),
    ],
)
def test_passing_trouble_is_told_apart_from_a_fault(client, monkeypatch, error, status, words):
    def trouble(*_, **__):
        raise error

    monkeypatch.setattr(albums.shelf, "cards", trouble)

    response = client.get("/albums/")

    assert response.status_code == status
    assert words in response.content.decode()
    assert response.has_header("Retry-After") == (status in (503, 507))
    assert str(error) not in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"x=1&" * 2000, b"x=" + b"1" * 3_000_000])
def test_a_form_that_is_too_much_is_refused_with_words(body):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32

    answer = client.generic("POST", "/accounts/login/", body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400
    assert b"Bad request" in answer.content


@pytest.mark.parametrize(("address", "status"), [("/no/such/page", 404), ("/albums/new/", 400), ("/albums/4711/", 400)])
def test_a_form_without_a_boundary_is_no_fault_of_ours(client, address, status):
    client.handler.enforce_csrf_checks = True
    client.cookies["csrftoken"] = "a" * 32

    answer = client.generic("POST", address, b"no parts", content_type="multipart/form-data")

    assert answer.status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "words"),
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
def test_what_is_not_found_is_named(client, address, words):
    response = client.get(address)

    assert response.status_code == 404
    assert words in response.content.decode()


def test_somebody_elses_album_reads_like_one_that_never_was(client, stranger, admin):
    theirs = Album.objects.create(title="Secret", owner=stranger)

    pages = [client.get(f"/albums/{number}/").content for number in (theirs.pk, 4711)]

    assert pages[0] == pages[1]
