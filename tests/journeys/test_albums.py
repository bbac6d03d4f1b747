"""Creating and renaming albums."""

import pytest
from django.urls import reverse

from albums.models import Album, Operation

pytestmark = pytest.mark.django_db


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_creating_an_album_with_a_title_in_use_shows_a_message(signed_in, album):
    response = signed_in.post("/albums/new/", {"title": "summer"}, follow=True)

    assert Album.objects.count() == 2
    assert messages_of(response) == [f'You have another album called <a href="/albums/{album.pk}/">Summer</a>.']


def test_renaming_an_album_to_a_title_in_use_shows_a_message(signed_in, owner, album):
    winter = Album.objects.create(title="Winter", owner=owner)

    response = signed_in.post(f"/albums/{winter.pk}/edit/", {"title": "Summer"}, follow=True)

    warning, outcome = messages_of(response)
    assert f'<a href="{album.get_absolute_url()}">Summer</a>' in warning
    assert f'action="{reverse("albums:undo", args=[Operation.objects.get().pk])}"' in outcome
    assert messages_of(signed_in.post(f"/albums/{winter.pk}/edit/", {"title": "Summer"}, follow=True)) == []


def test_titles_of_deleted_albums_and_of_other_users_show_no_message(signed_in, owner, stranger, album):
    Album.objects.create(title="Autumn", owner=stranger)
    signed_in.post(f"/albums/{album.pk}/delete/", follow=True)

    for title in ("Summer", "Autumn"):
        assert messages_of(signed_in.post("/albums/new/", {"title": title}, follow=True)) == []


def test_a_title_in_a_message_is_escaped(signed_in, owner):
    Album.objects.create(title="<b>x</b>", owner=owner)

    page = signed_in.post("/albums/new/", {"title": "<b>x</b>"}, follow=True).content.decode()

    assert "<b>x</b>" not in page
