"""A form from another site, or without a valid CSRF token, is rejected before it is stored."""

import pytest
from django.test import Client

from processing.models import Batch, ProcessingJob, Upload
from processing.uploads import batches
from tests.journeys.uploads.form_client import JSON, PHOTO, picked, send, send_parts
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_form_without_a_csrf_token_leaves_nothing_behind(owner, album, data_dir):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()))

    assert response.status_code == 403
    assert (ProcessingJob.objects.count(), list((data_dir / "incoming").iterdir())) == (0, [])
    assert not Batch.objects.active().exists()


def test_a_form_from_another_origin_is_rejected_before_a_byte_is_stored(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()), headers={"Origin": "https://evil.example"})

    assert (response.status_code, Upload.objects.count()) == (403, 0)


TOKEN = "a" * 32


@pytest.fixture
def browser(owner) -> Client:
    """A client that needs a CSRF token; its cookie is set."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.cookies["csrftoken"] = TOKEN
    return client


def test_a_csrf_token_before_the_files_is_accepted(browser, album):
    response = send_parts(browser, album, ('name="csrfmiddlewaretoken"', TOKEN.encode()), (PHOTO, making.jpeg()))

    assert (response.status_code, ProcessingJob.objects.count()) == (302, 1)


def test_a_csrf_token_after_the_files_is_rejected(browser, album):
    parts = ((PHOTO, making.jpeg()), ('name="csrfmiddlewaretoken"', TOKEN.encode()))

    response = send_parts(browser, album, *parts, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (403, "csrf")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "b" * 32}])
def test_a_form_without_a_valid_csrf_token_starts_no_upload(browser, album, headers, monkeypatch):
    opened_batches = []
    monkeypatch.setattr(batches, "open_with_upload", lambda *arguments: opened_batches.append(arguments))

    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers=JSON | headers)

    assert (response.status_code, response.json()["error"], opened_batches) == (403, "csrf", [])


def test_a_browser_without_a_valid_csrf_token_gets_an_html_page(browser, album):
    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers={"Accept": "text/html"})

    assert response.status_code == 403
    assert "<h1>" in response.content.decode()
