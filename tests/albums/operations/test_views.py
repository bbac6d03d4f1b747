"""The toast with Undo, and the progress of an operation."""

import pytest
from django.test import Client
from django.urls import reverse

from albums import operations
from albums.models import Operation
from albums.selection import Selection
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def operation(album, mark) -> Operation:
    fill(album, 3)
    return operations.start(album.owner, "mark", {"letter": "x"}, Selection(is_all=True, album_id=album.pk))


@pytest.fixture
def signed_in(client, owner) -> Client:
    client.force_login(owner)
    return client


def test_undo_returns_to_the_page_and_says_what_stayed(signed_in, album, operation):
    album.photos.filter(pk=album.photos.first().pk).update(camera="Leica")

    page = signed_in.post(reverse("albums:undo", args=[operation.pk]), {"next": album.get_absolute_url()}, follow=True)

    assert page.redirect_chain == [(album.get_absolute_url(), 302)]
    assert "Undone. 1 stayed as it is: it has changed since" in page.content.decode()
    assert [photo.camera for photo in album.photos.all()] == ["Leica", "", ""]


def test_undo_redirects_to_no_other_site(signed_in, operation):
    response = signed_in.post(reverse("albums:undo", args=[operation.pk]), {"next": "https://example.com/"})
    assert response["Location"] == operation.get_absolute_url()


def test_the_page_shows_the_summary_and_undo(signed_in, operation):
    page = signed_in.get(operation.get_absolute_url()).content.decode()
    assert "3 photos were marked." in page
    assert f'action="{reverse("albums:undo", args=[operation.pk])}"' in page


@pytest.mark.usefixtures("one_step_a_request")
def test_a_running_operation_polls_until_it_is_done(signed_in, operation):
    assert (
        "2 of 3 photos" in signed_in.get(operation.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    )
    Operation.objects.update(state="done", done=3)
    toast = signed_in.get(operation.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in toast
    assert "3 photos were marked." in toast


def test_operations_of_other_users_do_not_exist(others, operation):
    assert others.get(operation.get_absolute_url()).status_code == 404
    assert others.post(reverse("albums:undo", args=[operation.pk])).status_code == 404
    operation.refresh_from_db()
    assert operation.state == "done"
