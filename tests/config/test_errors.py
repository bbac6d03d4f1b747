import errno

import pytest
from django.db import OperationalError
from django.test import Client

from albums.views import albums


@pytest.fixture
def client(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("database is locked"), 503, "busy"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk is full"),
        (OSError(errno.EIO, "Input/output error"), 500, "broke"),
        (RuntimeError("a fault of ours"), 500, "broke"),
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
