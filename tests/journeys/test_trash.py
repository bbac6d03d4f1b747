"""The trash of an album: what a user sees of it and can do with it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums import trash
from albums.models import Album, Operation, Photo
from tests.albums.test_trash import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album) -> list[Photo]:
    created = rows(album, 3)
    for number, photo in enumerate(created, 1):
        Photo.objects.filter(pk=photo.pk).update(name=f"IMG_{number}.JPG")
    return list(album.photos.all())


def shown_names(album: Album) -> list[str]:
    return [photo.name for photo in album.photos.shown()]


def read(client: Client, address: str) -> str:
    """Returns the page with each run of white space as one blank."""
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_delete_page_says_where_the_photo_goes_and_for_how_long(signed_in, photos, settings):
    settings.TRASH_DAYS = 7
    page = read(signed_in, f"/photos/{photos[0].pk}/delete/")
    assert "You can restore it for 7 days; after that it is deleted permanently" in page
    assert ("Move to trash" in page, "be undone" in page) == (True, False)

    settings.TRASH_DAYS = 0
    page = read(signed_in, f"/photos/{photos[0].pk}/delete/")
    assert ("Move to trash" in page, "be undone" in page) == (False, True)


def test_after_a_deletion_the_next_photo_is_shown_or_the_previous_one_or_the_album(signed_in, album, photos):
    targets = [signed_in.post(f"/photos/{photos[number].pk}/delete/").url for number in (1, 2, 0)]

    assert targets == [f"/photos/{photos[2].pk}/", f"/photos/{photos[0].pk}/", f"/albums/{album.pk}/"]


def test_undoing_a_deletion_shows_the_photo_again(signed_in, photos):
    page = signed_in.post(f"/photos/{photos[0].pk}/delete/", follow=True).content.decode()
    undo = page.split('class="undo"')[1].split("</form>")[0]
    action, back = undo.split('action="')[1].split('"')[0], undo.split('name="next" value="')[1].split('"')[0]

    response = signed_in.post(action, {"next": back})

    assert response.url == f"/photos/{photos[0].pk}/"
    assert Photo.objects.trashed().count() == 0


def test_a_deleted_photo_is_in_the_trash_and_can_be_restored_with_one_click(signed_in, album, photos):
    signed_in.post(f"/photos/{photos[1].pk}/delete/")

    page = read(signed_in, f"/albums/{album.pk}/")
    assert '<strong class="name">IMG_2.JPG</strong> was moved to the' in page
    assert f'action="/operations/{Operation.objects.get().pk}/undo/"' in page
    assert ("2 photos" in page, "Trash (1)" in page) == (True, True)
    assert shown_names(album) == ["IMG_1.JPG", "IMG_3.JPG"]

    response = signed_in.post(f"/photos/{photos[1].pk}/put-back/")

    assert response.url == f"/albums/{album.pk}/#photo-{photos[1].pk}"
    assert shown_names(album) == ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]
    assert "Trash (" not in read(signed_in, f"/albums/{album.pk}/")


def test_the_undo_form_in_the_message_passes_the_csrf_check(owner, photos):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.get(f"/photos/{photos[0].pk}/delete/")
    token = client.cookies["csrftoken"].value
    page = client.post(f"/photos/{photos[0].pk}/delete/", {"csrfmiddlewaretoken": token}, follow=True).content.decode()
    undo = page.split('class="undo"')[1].split("</form>")[0]
    form_token = undo.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

    action = f"/operations/{Operation.objects.get().pk}/undo/"
    assert client.post(action).status_code == 403
    assert client.post(action, {"csrfmiddlewaretoken": form_token}).status_code == 302
    assert Photo.objects.trashed().count() == 0


def test_a_file_name_in_a_message_is_escaped(signed_in, photos):
    Photo.objects.filter(pk=photos[0].pk).update(name="<img src=x>.JPG")

    page = signed_in.post(f"/photos/{photos[0].pk}/delete/", follow=True).content.decode()

    assert ("<img src=x>" in page, page.count("&lt;img src=x&gt;.JPG")) == (False, 1)


def test_a_delete_that_is_sent_twice_only_moves_the_photo_to_the_trash(signed_in, photos):
    for _ in range(2):
        response = signed_in.post(f"/photos/{photos[0].pk}/delete/")

    assert response.url == f"/photos/{photos[0].pk}/"
    assert Photo.objects.trashed().get() == photos[0]


def test_without_a_trash_a_photo_is_deleted_at_once(signed_in, album, photos, settings):
    settings.TRASH_DAYS = 0

    page = signed_in.post(f"/photos/{photos[0].pk}/delete/", follow=True).content.decode()

    assert ("IMG_1.JPG was deleted." in page, "undo" in page, "Trash (" in page) == (True, False, False)
    assert album.photos.count() == 2


def test_the_trash_lists_photos_latest_first_with_their_deletion_date(signed_in, album, photos):
    trashed_before = timezone.now() - timedelta(days=29)
    Photo.objects.filter(pk=photos[0].pk).update(trashed_at=trashed_before)
    Photo.objects.filter(pk=photos[2].pk).update(trashed_at=timezone.now())

    page = read(signed_in, f"/albums/{album.pk}/trash/")

    assert page.index("IMG_3.JPG") < page.index("IMG_1.JPG")
    assert "IMG_2.JPG" not in page
    day = trashed_before + timedelta(days=30)
    assert f"{day.day} {day:%b %Y}" in page


def test_photos_are_restored_one_by_one_until_the_trash_is_empty(signed_in, album, photos):
    trash.move_to_trash(photos[0])
    trash.move_to_trash(photos[1])

    first = signed_in.post(f"/photos/{photos[0].pk}/put-back/", {"stay": "yes"})
    second = signed_in.post(f"/photos/{photos[1].pk}/put-back/", {"stay": "yes"})

    assert (first.url, second.url) == (f"/albums/{album.pk}/trash/", f"/albums/{album.pk}/")
    assert shown_names(album) == ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]


def test_all_photos_in_the_trash_are_restored_at_once(signed_in, album, photos):
    trash.move_to_trash(photos[0])
    trash.move_to_trash(photos[1])

    page = signed_in.post(f"/albums/{album.pk}/trash/put-back/", follow=True).content.decode()

    assert "2 photos were restored." in page
    assert shown_names(album) == ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]


def test_deleting_permanently_asks_first(signed_in, album, photos):
    trash.move_to_trash(photos[0])
    trash.move_to_trash(photos[1])
    address = f"/photos/{photos[0].pk}/delete-for-ever/"

    assert "be undone" in read(signed_in, address)
    assert album.photos.count() == 3
    assert signed_in.post(address).url == f"/albums/{album.pk}/trash/"
    assert album.photos.count() == 2


def test_a_photo_that_was_restored_meanwhile_is_not_deleted_permanently(signed_in, album, photos):
    response = signed_in.post(f"/photos/{photos[0].pk}/delete-for-ever/")

    assert response.url == f"/photos/{photos[0].pk}/"
    assert album.photos.count() == 3


def test_emptying_the_trash_asks_first_and_deletes_only_photos_in_it(signed_in, album, photos):
    trash.move_to_trash(photos[0])
    trash.move_to_trash(photos[1])
    address = f"/albums/{album.pk}/trash/empty/"

    assert "Delete 2 photos permanently" in read(signed_in, address)
    assert album.photos.count() == 3
    page = signed_in.post(address, follow=True).content.decode()
    assert "2 photos were deleted permanently." in page
    assert list(album.photos.all()) == [photos[2]]


def test_emptying_an_empty_trash_deletes_nothing(signed_in, album, photos):
    address = f"/albums/{album.pk}/trash/empty/"

    assert (signed_in.get(address).url, signed_in.post(address).url) == (f"/albums/{album.pk}/", f"/albums/{album.pk}/")
    assert album.photos.count() == 3


def test_an_empty_trash_says_that_it_is_empty(signed_in, album, photos):
    page = read(signed_in, f"/albums/{album.pk}/trash/")

    assert ("The trash is empty" in page, "Restore all" in page, "Empty trash" in page) == (True, False, False)


def test_the_page_of_a_photo_in_the_trash_offers_restore_and_delete(signed_in, album, photos):
    trash.move_to_trash(photos[1])

    page = read(signed_in, f"/photos/{photos[1].pk}/")

    assert "This photo is in the trash." in page
    assert f'action="/photos/{photos[1].pk}/put-back/"' in page
    assert f'href="/photos/{photos[1].pk}/delete-for-ever/"' in page
    assert f'href="/photos/{photos[1].pk}/delete/"' not in page
    assert ('rel="prev"' in page, 'rel="next"' in page) == (False, False)
    assert 'rel="next"' not in read(signed_in, f"/photos/{photos[2].pk}/")


def test_the_album_neither_shows_nor_counts_photos_in_the_trash(signed_in, album, photos):
    trash.move_to_trash(photos[0])

    page = read(signed_in, f"/albums/{album.pk}/")

    assert (f'id="photo-{photos[0].pk}"' in page, f'id="photo-{photos[1].pk}"' in page) == (False, True)
    assert ">2 photos<" in page
    assert "2 photos" in read(signed_in, "/albums/")


def test_the_delete_page_of_an_album_mentions_its_trash(signed_in, album, photos):
    trash.move_to_trash(photos[0])

    page = read(signed_in, f"/albums/{album.pk}/delete/")

    assert "its 2 photos will be moved to the trash. The 1 photo in its own trash goes with it." in page


def test_the_trash_takes_the_same_number_of_queries_for_any_length(
    signed_in, album, photos, django_assert_num_queries, django_assert_max_num_queries
):
    trash.move_to_trash(photos[0])
    with django_assert_max_num_queries(8) as queries:
        signed_in.get(f"/albums/{album.pk}/trash/")
    trash.move_to_trash(photos[1])
    trash.move_to_trash(photos[2])

    with django_assert_num_queries(len(queries)):
        signed_in.get(f"/albums/{album.pk}/trash/")
