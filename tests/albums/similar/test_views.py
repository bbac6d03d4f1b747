"""The page of similar photos."""

import pytest
from django.test import Client
from django.urls import reverse

from albums.models import KeptSimilar, Operation
from albums.operations import engine
from albums.similar import groups, hashes
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, owner) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def pair(album) -> list[int]:
    photos = fill(album, 2)
    for photo in photos:
        hashes.save_hash(photo, "0123456789abcdef")
    return [photo.pk for photo in photos]


def test_the_page_selects_all_but_the_sharpest_to_be_deleted(signed_in, album, pair):
    page = signed_in.get(reverse("albums:similar", args=[album.pk])).content.decode()

    assert page.count('name="photo"') == 2
    assert page.count("checked") == 1
    assert "Sharpest" in page


def test_photos_that_are_kept_are_not_shown_again_until_that_is_undone(signed_in, album, pair):
    url = reverse("albums:similar", args=[album.pk])
    page = signed_in.post(reverse("albums:keep-similar", args=[album.pk]), {"ids": f"{pair[0]},{pair[1]}"}, follow=True)
    assert page.redirect_chain == [(url, 302)]
    assert "No similar photos" in page.content.decode()

    engine.undo(Operation.objects.get())
    assert len(groups.page(album).groups) == 1
    assert not KeptSimilar.objects.exists()


def test_a_new_similar_photo_brings_a_kept_group_back(signed_in, album, pair):
    signed_in.post(reverse("albums:keep-similar", args=[album.pk]), {"ids": f"{pair[0]},{pair[1]}"})
    [third] = fill(album, 1)
    hashes.save_hash(third, "0123456789abcdef")

    [group] = groups.page(album).groups
    assert {photo.pk for photo in group.photos} == {*pair, third.pk}


def test_keeping_nothing_is_a_problem(signed_in, album):
    response = signed_in.post(reverse("albums:keep-similar", args=[album.pk]))
    assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")
