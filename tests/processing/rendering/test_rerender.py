"""Renditions made again: after all new work, without a gap, and by whoever holds the claim."""

import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from albums import likeness
from albums.models import Album, Leftover, Look, Photo, Rendition
from processing import jobs, tasks
from processing.integrity import consistency, post_write
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.maintenance import sweep as recovery
from processing.models import Finding, ProcessingJob, Rerender
from processing.rendering import presets, rerender, shared_sandbox, worker
from processing.storage import store
from tests.pipeline.render.test_perceptual_hash import scene
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album) -> list[Photo]:
    return [developed(album) for _ in range(2)]


@pytest.fixture
def other_settings(photos, settings) -> str:
    """The mark of a recipe that is set after the photos have been made."""
    return set_otherwise(settings)


def set_otherwise(settings) -> str:
    settings.RENDITION_EDGES, settings.AVIF = [600, 300], True
    shared_sandbox.sandbox().close()
    shared_sandbox.sandbox.cache_clear()
    return presets.current().identifier


@pytest.fixture
def in_the_middle(monkeypatch):
    """Do something when the new files are there and not published yet."""
    return lambda act: monkeypatch.setattr(
        failpoints, "reach", lambda point: act() if point == Point.BEFORE_RENDITIONS else None
    )


def developed(album: Album) -> Photo:
    job = making.received(album, making.jpeg((900, 600)))
    assert worker.develop_next()
    return ProcessingJob.objects.get(pk=job.pk).photo


def ask(**which: bool) -> int:
    return rerender.enqueue(rerender.select(Photo.objects.all(), **which))


def render_all() -> int:
    count = 0
    while rerender.render_next():
        count += 1
    return count


def made(photo: Photo) -> list[tuple[int, str, str]]:
    return list(photo.renditions.values_list("edge", "format", "recipe"))


def test_all_are_made_again_by_the_recipe_that_is_set(photos, other_settings, django_capture_on_commit_callbacks):
    old = [rendition.key for photo in photos for rendition in photo.renditions.all()]
    assert ask(outdated=True) == 2

    with django_capture_on_commit_callbacks(execute=True):
        assert render_all() == 2

    for photo in photos:
        assert made(photo) == [(edge, form, other_settings) for edge in (600, 300) for form in ("webp", "avif")]
    assert [key for key in old if store().exists(key)] == []
    assert not Rerender.objects.exists()
    assert not Leftover.objects.filter(key__startswith="renditions/").exists()
    assert consistency.verify().is_clean


def test_who_waits_already_is_not_asked_for_twice(photos, other_settings):
    assert [ask(), ask(outdated=True)] == [2, 0]


def test_what_is_as_it_is_set_is_not_outdated_and_lacks_nothing(photos, settings):
    assert [ask(outdated=True), ask(missing=True)] == [0, 0]

    settings.WEBP_QUALITY = [50]

    assert [ask(missing=True), ask(outdated=True)] == [0, 2]


def test_a_photo_lacks_a_format_that_is_set_since(photos, settings):
    settings.AVIF = True

    assert ask(missing=True) == 2


def test_a_photo_of_which_nobody_knows_what_it_looks_like_lacks_that(album, settings):
    content = io.BytesIO()
    scene(1).save(content, "JPEG")
    for at in range(2):
        making.received(album, content.getvalue() + bytes([at]))
        assert worker.develop_next()
    old, new = Photo.objects.order_by("pk")
    Look.objects.filter(photo=old).delete()
    assert [ask(missing=True), likeness.similar_photos(new)] == [0, []]

    Rendition.objects.update(recipe="2")

    assert [ask(missing=True), render_all()] == [1, 1]
    assert likeness.similar_photos(new) == [old]


def test_what_looks_like_nothing_is_asked_for_once(photos):
    Rendition.objects.update(recipe="2-0123456789ab")

    assert [ask(missing=True), render_all(), ask(missing=True)] == [2, 2, 0]


def test_what_the_set_recipe_could_not_make_is_not_asked_for_again(photos):
    """As of a RAW of which there is only a small preview."""
    photos[0].renditions.filter(edge=800).delete()

    assert ask(missing=True) == 0


def test_a_rendition_that_is_known_to_be_lost_is_missing(photos, django_capture_on_commit_callbacks):
    lost = photos[1].renditions.first()
    default_storage.delete(lost.key)
    Finding.objects.create(key=lost.key, photo=photos[1], trouble=Finding.Trouble.MISSING)

    assert ask(missing=True) == 1
    with django_capture_on_commit_callbacks(execute=True):
        render_all()

    assert not Finding.objects.exists()
    assert consistency.verify().is_clean


def test_a_photo_without_renditions_lacks_them_all(photos):
    photos[0].renditions.all().delete()

    assert [ask(missing=True), render_all()] == [1, 1]
    assert [edge for edge, _, _ in made(photos[0])] == [900, 800, 400]


def test_a_new_photo_comes_first(photos, album):
    ask()
    making.received(album)

    assert not rerender.render_next()
    assert Rerender.objects.in_work().count() == 0


def test_a_bell_is_answered_by_a_job_then_a_proof_then_an_old_photo(photos, album):
    ask()
    making.received(album, making.jpeg((500, 400)))

    seen = []
    for _ in range(6):
        tasks.develop_next.call_local(0)
        unproved = Photo.objects.filter(verified_at=None).count()
        seen.append((ProcessingJob.objects.due().count(), unproved, Rerender.objects.count()))

    assert seen == [(0, 3, 2), (0, 2, 2), (0, 1, 2), (0, 0, 2), (0, 0, 1), (0, 0, 0)]


def test_albums_take_turns(photos, owner):
    winter = Album.objects.create(title="Winter", owner=owner)
    late = developed(winter)
    ask()

    order = [row.photo_id for row in Rerender.objects.due()]

    assert order == [photos[0].pk, late.pk, photos[1].pk]


def test_nothing_is_begun_while_the_disk_has_only_room_for_new_work(photos, settings):
    ask()
    settings.MIN_FREE_BYTES = store().free_bytes() + (1 << 40)

    assert not rerender.render_next()


def test_the_old_ones_are_served_until_the_new_are_there(photos, in_the_middle):
    old = made(photos[0])
    ask()

    seen = []

    def look():
        keys = photos[0].renditions.values_list("key", flat=True)
        seen.append((made(photos[0]), {store().exists(key) for key in keys}))

    in_the_middle(look)

    assert rerender.render_next()
    assert seen == [(old, {True})]


def test_who_was_cancelled_in_the_middle_publishes_nothing(photos, in_the_middle):
    old = list(photos[0].renditions.values_list("key", flat=True))
    ask()
    in_the_middle(lambda: rerender.cancel(Photo.objects.all()))

    assert rerender.render_next()

    assert list(photos[0].renditions.values_list("key", flat=True)) == old
    Leftover.objects.update(created_at=timezone.now() - timedelta(days=1))
    recovery.sweep()
    assert consistency.verify().is_clean


def test_a_worker_that_lost_its_claim_publishes_nothing(photos, in_the_middle):
    ask()
    other = uuid.uuid4()
    in_the_middle(lambda: Rerender.objects.in_work().update(claim=other))
    old = made(photos[0])

    rerender.render_next()

    assert made(photos[0]) == old
    assert Rerender.objects.in_work().get().claim == other


def test_what_a_live_claim_has_written_is_no_leftover_to_a_sweep(photos, in_the_middle):
    ask()

    def sweep():
        Leftover.objects.update(created_at=timezone.now() - timedelta(days=1))
        recovery.delete_leftovers(timezone.now())

    in_the_middle(sweep)

    assert rerender.render_next()
    assert consistency.verify().is_clean


def test_a_row_whose_worker_is_gone_is_due_again(photos):
    ask()
    row = rerender._claim_next()
    assert row.photo_id not in Rerender.objects.due().values_list("photo", flat=True)

    Rerender.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert render_all() == 2


def test_a_photo_that_brings_its_worker_down_again_and_again_is_given_up(photos, settings):
    settings.MAX_ATTEMPTS = 2
    ask()
    for _ in range(2):
        row = rerender._claim_next()
        Rerender.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert render_all() == 1
    assert Rerender.objects.get().error_code == "worker-lost"


def test_an_original_that_is_gone_is_tried_again_then_given_up_and_asked_for_anew(photos, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    before = made(photos[0])
    default_storage.delete(photos[0].original_key)
    ask()

    assert render_all() == 3

    given_up = Rerender.objects.get()
    assert (given_up.photo, given_up.error_code, given_up.claim) == (photos[0], "original-missing", None)
    assert made(photos[0]) == before
    assert ask() == 2
    assert Rerender.objects.waiting().count() == 2


def test_what_the_recipe_refuses_is_given_up_at_once(photos, settings):
    settings.MAX_JPEG_PIXELS = 1000
    shared_sandbox.sandbox().close()
    shared_sandbox.sandbox.cache_clear()
    ask()

    assert render_all() == 2
    assert set(Rerender.objects.values_list("error_code", "attempts")) == {("too-many-pixels", 1)}


def test_a_worker_that_is_told_to_end_hands_the_photo_back(photos):
    ask()
    worker.stop()

    assert rerender.render_next()

    assert set(Rerender.objects.values_list("claim", "attempts")) == {(None, 0)}


def test_a_photo_that_is_deleted_takes_its_turn_along(photos):
    ask()
    photos[0].delete()

    assert (Rerender.objects.count(), render_all()) == (1, 1)


def test_what_a_newer_recipe_sees_otherwise_is_noted_and_what_a_person_wrote_stays(photos):
    Photo.objects.update(placeholder="", notes=[{"code": "x", "message": "y"}], width=1, title="Mine")
    ask()
    render_all()

    photo = Photo.objects.get(pk=photos[0].pk)
    assert (photo.placeholder[:10], photo.notes, photo.width, photo.title) == ("data:image", [], 900, "Mine")


def test_asking_rings_a_bell_for_each_and_a_lost_one_is_rung_by_the_sweep(photos, django_capture_on_commit_callbacks):
    while post_write.verify_next():
        pass
    HUEY.storage.flush_queue()
    with django_capture_on_commit_callbacks(execute=True):
        ask()
    assert HUEY.pending_count() == 2

    HUEY.storage.flush_queue()

    assert recovery.sweep().bells == 2


def test_a_job_in_work_is_nothing_to_wait_for(photos, album):
    """It is another worker's."""
    making.received(album)
    jobs.claim_next("another")
    ask()

    assert rerender.render_next()
    assert Rendition.objects.values("photo").distinct().count() == 2
