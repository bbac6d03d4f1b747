"""Rendering photos again: after all new jobs, without a moment without renditions, and only by the worker with the claim."""

import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from albums.models import Album, Leftover, PerceptualHash, Photo, Rendition
from albums.similar import hashes
from processing import jobs, tasks
from processing.integrity import consistency, post_write
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.maintenance import sweep
from processing.models import Finding, ProcessingJob, Rerender
from processing.rendering import presets, rerender, shared_sandbox, worker
from processing.storage import store
from tests.pipeline.render.test_perceptual_hash import scene
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(album) -> list[Photo]:
    return [processed_photo(album) for _ in range(2)]


@pytest.fixture
def other_recipe(photos, settings) -> str:
    """The identifier of a recipe that is set after the photos were made."""
    return change_settings(settings)


def change_settings(settings) -> str:
    settings.RENDITION_EDGES, settings.AVIF = [600, 300], True
    shared_sandbox.sandbox().close()
    shared_sandbox.sandbox.cache_clear()
    return presets.current().identifier


@pytest.fixture
def before_publishing(monkeypatch):
    """Calls a function when the new files are written and not published yet."""
    return lambda action: monkeypatch.setattr(
        failpoints, "reach", lambda point: action() if point == Point.BEFORE_RENDITIONS else None
    )


def processed_photo(album: Album) -> Photo:
    job = making.received(album, making.jpeg((900, 600)))
    assert worker.develop_next()
    return ProcessingJob.objects.get(pk=job.pk).photo


def enqueue(**filters: bool) -> int:
    return rerender.enqueue(rerender.select(Photo.objects.all(), **filters))


def render_all() -> int:
    count = 0
    while rerender.render_next():
        count += 1
    return count


def renditions_of(photo: Photo) -> list[tuple[int, str, str]]:
    return list(photo.renditions.values_list("edge", "format", "recipe"))


def test_all_photos_are_rendered_again_by_the_current_recipe(photos, other_recipe, django_capture_on_commit_callbacks):
    old_keys = [rendition.key for photo in photos for rendition in photo.renditions.all()]
    assert enqueue(outdated=True) == 2

    with django_capture_on_commit_callbacks(execute=True):
        assert render_all() == 2

    for photo in photos:
        assert renditions_of(photo) == [
            (edge, file_format, other_recipe) for edge in (600, 300) for file_format in ("webp", "avif")
        ]
    assert [key for key in old_keys if store().exists(key)] == []
    assert not Rerender.objects.exists()
    assert not Leftover.objects.filter(key__startswith="renditions/").exists()
    assert consistency.verify().is_clean


def test_a_waiting_photo_is_not_enqueued_twice(photos, other_recipe):
    assert [enqueue(), enqueue(outdated=True)] == [2, 0]


def test_a_photo_rendered_by_the_current_recipe_is_neither_outdated_nor_incomplete(photos, settings):
    assert [enqueue(outdated=True), enqueue(missing=True)] == [0, 0]

    settings.WEBP_QUALITY = [50]

    assert [enqueue(missing=True), enqueue(outdated=True)] == [0, 2]


def test_a_photo_without_a_newly_configured_format_is_incomplete(photos, settings):
    settings.AVIF = True

    assert enqueue(missing=True) == 2


def test_a_photo_without_a_perceptual_hash_is_incomplete(album, settings):
    content = io.BytesIO()
    scene(1).save(content, "JPEG")
    for number in range(2):
        making.received(album, content.getvalue() + bytes([number]))
        assert worker.develop_next()
    old_photo, new_photo = Photo.objects.order_by("pk")
    PerceptualHash.objects.filter(photo=old_photo).delete()
    assert [enqueue(missing=True), hashes.similar_photos(new_photo)] == [0, []]

    Rendition.objects.update(recipe="2")

    assert [enqueue(missing=True), render_all()] == [1, 1]
    assert hashes.similar_photos(new_photo) == [old_photo]


def test_a_photo_that_has_no_perceptual_hash_is_rendered_again_only_once(photos):
    Rendition.objects.update(recipe="2-0123456789ab")

    assert [enqueue(missing=True), render_all(), enqueue(missing=True)] == [2, 2, 0]


def test_renditions_that_the_current_recipe_could_not_make_are_not_missing(photos):
    """For example, of a RAW that contains only a small preview."""
    photos[0].renditions.filter(edge=800).delete()

    assert enqueue(missing=True) == 0


def test_a_rendition_that_is_known_to_be_lost_is_missing(photos, django_capture_on_commit_callbacks):
    lost_rendition = photos[1].renditions.first()
    default_storage.delete(lost_rendition.key)
    Finding.objects.create(key=lost_rendition.key, photo=photos[1], problem=Finding.Problem.MISSING)

    assert enqueue(missing=True) == 1
    with django_capture_on_commit_callbacks(execute=True):
        render_all()

    assert not Finding.objects.exists()
    assert consistency.verify().is_clean


def test_a_photo_without_renditions_gets_all_of_them(photos):
    photos[0].renditions.all().delete()

    assert [enqueue(missing=True), render_all()] == [1, 1]
    assert [edge for edge, _, _ in renditions_of(photos[0])] == [900, 800, 400]


def test_a_new_photo_comes_before_rendering_again(photos, album):
    enqueue()
    making.received(album)

    assert not rerender.render_next()
    assert Rerender.objects.in_work().count() == 0


def test_a_wake_up_processes_a_job_then_reads_back_then_renders_again(photos, album):
    enqueue()
    making.received(album, making.jpeg((500, 400)))

    progress = []
    for _ in range(6):
        tasks.develop_next.call_local(0)
        unverified = Photo.objects.filter(verified_at=None).count()
        progress.append((ProcessingJob.objects.due().count(), unverified, Rerender.objects.count()))

    assert progress == [(0, 3, 2), (0, 2, 2), (0, 1, 2), (0, 0, 2), (0, 0, 1), (0, 0, 0)]


def test_albums_alternate_in_rendering_again(photos, owner):
    other_album = Album.objects.create(title="Winter", owner=owner)
    later_photo = processed_photo(other_album)
    enqueue()

    order = [row.photo_id for row in Rerender.objects.due()]

    assert order == [photos[0].pk, later_photo.pk, photos[1].pk]


def test_no_photo_is_rendered_again_if_the_disk_only_has_space_for_new_jobs(photos, settings):
    enqueue()
    settings.MIN_FREE_BYTES = store().free_bytes() + (1 << 40)

    assert not rerender.render_next()


def test_old_renditions_are_served_until_the_new_ones_are_stored(photos, before_publishing):
    old_renditions = renditions_of(photos[0])
    enqueue()

    observed = []

    def observe():
        keys = photos[0].renditions.values_list("key", flat=True)
        observed.append((renditions_of(photos[0]), {store().exists(key) for key in keys}))

    before_publishing(observe)

    assert rerender.render_next()
    assert observed == [(old_renditions, {True})]


def test_a_photo_cancelled_while_it_is_rendered_publishes_nothing(photos, before_publishing):
    old_keys = list(photos[0].renditions.values_list("key", flat=True))
    enqueue()
    before_publishing(lambda: rerender.cancel(Photo.objects.all()))

    assert rerender.render_next()

    assert list(photos[0].renditions.values_list("key", flat=True)) == old_keys
    Leftover.objects.update(created_at=timezone.now() - timedelta(days=1))
    sweep.sweep()
    assert consistency.verify().is_clean


def test_a_worker_that_lost_its_claim_publishes_nothing(photos, before_publishing):
    enqueue()
    other_claim = uuid.uuid4()
    before_publishing(lambda: Rerender.objects.in_work().update(claim=other_claim))
    old_renditions = renditions_of(photos[0])

    rerender.render_next()

    assert renditions_of(photos[0]) == old_renditions
    assert Rerender.objects.in_work().get().claim == other_claim


def test_files_written_under_a_live_claim_are_not_swept(photos, before_publishing):
    enqueue()

    def sweep_leftovers():
        Leftover.objects.update(created_at=timezone.now() - timedelta(days=1))
        sweep.delete_leftovers(timezone.now())

    before_publishing(sweep_leftovers)

    assert rerender.render_next()
    assert consistency.verify().is_clean


def test_a_photo_whose_worker_died_is_due_again(photos):
    enqueue()
    row = rerender._claim_next()
    assert row.photo_id not in Rerender.objects.due().values_list("photo", flat=True)

    Rerender.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert render_all() == 2


def test_a_photo_that_kills_its_worker_at_each_attempt_fails(photos, settings):
    settings.MAX_ATTEMPTS = 2
    enqueue()
    for _ in range(2):
        row = rerender._claim_next()
        Rerender.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert render_all() == 1
    assert Rerender.objects.get().error_code == "worker-lost"


def test_a_photo_without_original_is_retried_then_fails_and_can_be_enqueued_again(photos, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    old_renditions = renditions_of(photos[0])
    default_storage.delete(photos[0].original_key)
    enqueue()

    assert render_all() == 3

    given_up = Rerender.objects.get()
    assert (given_up.photo, given_up.error_code, given_up.claim) == (photos[0], "original-missing", None)
    assert renditions_of(photos[0]) == old_renditions
    assert enqueue() == 2
    assert Rerender.objects.waiting().count() == 2


def test_a_photo_that_the_recipe_rejects_fails_at_once(photos, settings):
    settings.MAX_JPEG_PIXELS = 1000
    shared_sandbox.sandbox().close()
    shared_sandbox.sandbox.cache_clear()
    enqueue()

    assert render_all() == 2
    assert set(Rerender.objects.values_list("error_code", "attempts")) == {("too-many-pixels", 1)}


def test_a_worker_that_is_stopped_releases_the_photo(photos):
    enqueue()
    worker.stop()

    assert rerender.render_next()

    assert set(Rerender.objects.values_list("claim", "attempts")) == {(None, 0)}


def test_deleting_a_photo_removes_it_from_the_queue(photos):
    enqueue()
    photos[0].delete()

    assert (Rerender.objects.count(), render_all()) == (1, 1)


def test_rendering_again_updates_derived_fields_and_keeps_what_a_user_wrote(photos):
    Photo.objects.update(placeholder="", notes=[{"code": "x", "message": "y"}], width=1, title="Mine")
    enqueue()
    render_all()

    photo = Photo.objects.get(pk=photos[0].pk)
    assert (photo.placeholder[:10], photo.notes, photo.width, photo.title) == ("data:image", [], 900, "Mine")


def test_enqueuing_sends_a_wake_up_per_photo_and_the_sweep_repeats_lost_ones(
    photos, django_capture_on_commit_callbacks
):
    while post_write.verify_next():
        pass
    HUEY.storage.flush_queue()
    with django_capture_on_commit_callbacks(execute=True):
        enqueue()
    assert HUEY.pending_count() == 2

    HUEY.storage.flush_queue()

    assert sweep.sweep().wakeups == 2


def test_a_job_held_by_another_worker_does_not_delay_rendering_again(photos, album):
    """The job is held by another worker."""
    making.received(album)
    jobs.claim_next("another")
    enqueue()

    assert rerender.render_next()
    assert Rendition.objects.values("photo").distinct().count() == 2
