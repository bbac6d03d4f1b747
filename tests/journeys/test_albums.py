"""Making and renaming albums."""

import pytest

from albums.models import Album

pytestmark = pytest.mark.django_db


def told(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_a_second_album_of_one_title_is_made_but_not_unnoticed(signed_in, album):
    response = signed_in.post("/albums/new/", {"title": "summer"}, follow=True)

    assert Album.objects.count() == 2
    assert told(response) == [f'You have another album called <a href="/albums/{album.pk}/">Summer</a>.']


def test_renaming_an_album_to_the_title_of_another_is_told_too(signed_in, owner, album):
    other = Album.objects.create(title="Winter", owner=owner)

    response = signed_in.post(f"/albums/{other.pk}/edit/", {"title": "Summer"}, follow=True)

    assert len(told(response)) == 1
    assert told(signed_in.post(f"/albums/{other.pk}/edit/", {"title": "Summer"}, follow=True)) == []


def test_titles_of_deleted_albums_and_of_others_are_free(signed_in, owner, stranger, album):
    Album.objects.create(title="Autumn", owner=stranger)
    signed_in.post(f"/albums/{album.pk}/delete/", follow=True)

    for title in ("Summer", "Autumn"):
        assert told(signed_in.post("/albums/new/", {"title": title}, follow=True)) == []


def test_a_title_in_a_message_is_words_and_nothing_else(signed_in, owner):
    Album.objects.create(title="<b>x</b>", owner=owner)

    page = signed_in.post("/albums/new/", {"title": "<b>x</b>"}, follow=True).content.decode()

    assert "<b>x</b>" not in page
