"""The list of batches: whose, in what order, and its filters."""

import pytest

from albums.models import Album
from processing.models import Batch, Upload
from processing.queries import batch_list
from processing.rendering import worker
from processing.uploads import lifecycle, rejections
from tests.journeys.batch_client import client_of, failed_batch, listed, processed_batch, received_batch
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_the_batch_list_takes_the_same_number_of_queries_for_any_length(
    signed_in, album, django_assert_num_queries, django_assert_max_num_queries
):
    processed_batch(album)
    with django_assert_max_num_queries(8) as queries:
        listed(signed_in)
    for _ in range(10):
        processed_batch(album)

    with django_assert_num_queries(len(queries)):
        assert len(listed(signed_in)) == 11


def test_a_user_sees_the_batches_of_their_own_albums(album, owner, stranger, admin):
    batch = processed_batch(album)

    assert listed(client_of(owner)) == [batch.pk]
    assert listed(client_of(stranger)) == []
    assert listed(client_of(admin)) == [batch.pk]


def test_the_list_counts_the_files_of_each_batch_by_outcome(signed_in, album):
    batch = processed_batch(album, 2)
    making.received(album, b"no picture", batch=batch)
    worker.develop_next()
    lifecycle.reject(making.upload(album, batch=batch), rejections.EMPTY)
    content = making.jpeg((500, 400))
    making.received(album, content, batch=batch)
    making.received(album, content, batch=batch)
    worker.develop_next()
    making.received(album, batch=batch)

    (entry,) = signed_in.get("/batches/").context["entries"]

    counts = (entry.files, entry.photos, entry.failed, entry.rejected, entry.active)
    assert counts == (7, 3, 1, 1, 1)
    assert (entry.is_busy, entry.settled) == (True, 6)
    assert b'hx-trigger="every 2s"' in signed_in.get("/batches/").content


def test_a_list_without_active_batches_is_not_polled(signed_in, album):
    processed_batch(album)

    assert b'hx-trigger="every' not in signed_in.get("/batches/").content


def test_the_list_is_filtered_by_state_album_person_and_text(album, owner, stranger, admin):
    winter = Album.objects.create(title="Winter", owner=stranger)
    completed = processed_batch(album, name="DONE_{}.JPG")
    failed = failed_batch(album)
    rejected = making.upload(album).batch
    lifecycle.reject(Upload.objects.get(batch=rejected), rejections.EMPTY)
    duplicate = making.upload(album).batch
    lifecycle.reject(Upload.objects.get(batch=duplicate), rejections.DUPLICATE)
    active = received_batch(winter, name="BUSY_{}.JPG")

    expected = {
        "": [active, duplicate, rejected, failed, completed],
        "?state=at-work": [active],
        "?state=failures": [rejected, failed],
        "?state=done": [duplicate, completed],
        f"?album={winter.pk}": [active],
        f"?person={owner.pk}": [duplicate, rejected, failed, completed],
        "?text=wint": [active],
        "?text=done_0": [completed],
        f"?text=img&state=failures&album={album.pk}&person={owner.pk}": [failed],
        "?text=100%25": [],
        "?state=nonsense&album=x&person=9999999&page=-1": [active, duplicate, rejected, failed, completed],
    }

    assert {query: listed(client_of(admin), query) for query in expected} == {
        query: [batch.pk for batch in batches] for query, batches in expected.items()
    }


def test_the_person_filter_is_only_for_users_who_see_all_albums(album, owner, admin):
    processed_batch(album)

    assert "person" not in client_of(owner).get("/batches/").context["form"].fields
    assert list(client_of(admin).get("/batches/").context["form"].fields["person"].queryset) == [owner]
    assert f'<option value="{album.pk}">' in client_of(owner).get("/batches/").content.decode()


def test_filtering_by_another_users_album_shows_nothing(album, stranger):
    processed_batch(album)

    response = client_of(stranger).get(f"/batches/?album={album.pk}")

    assert response.context["entries"] == []
    assert album.title not in response.content.decode()


def test_a_page_of_the_list_has_fifty_batches(signed_in, album):
    Batch.objects.bulk_create(Batch(album=album, source=Batch.Source.FORM) for _ in range(51))

    assert len(listed(signed_in)) == 50
    assert len(listed(signed_in, "?page=2")) == 1


def test_the_counts_of_a_batch_without_files_are_zero(album):
    batch = Batch.objects.create(album=album, source=Batch.Source.TUS)

    assert batch_list.entries([batch]) == [batch_list.BatchRow(batch)]
