"""manage.py rerender."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from albums.models import Album, Photo
from processing.models import Rerender
from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def winter(album, owner) -> Album:
    """One of two albums with a photo each."""
    winter = Album.objects.create(title="Winter", owner=owner)
    for photo_album in (album, winter):
        making.received(photo_album)
        assert worker.develop_next()
    return winter


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rerender", *arguments, stdout=out)
    return out.getvalue().strip()


def test_all_photos_are_queued_once(winter):
    assert [run(), run()] == ["2 photos will be rerendered.", "0 photos will be rerendered."]


def test_photos_can_be_selected_by_album(winter):
    assert run("--album", str(winter.pk)) == "1 photo will be rerendered."
    assert Rerender.objects.get().photo.album == winter


def test_outdated_photos_and_those_with_missing_renditions_can_be_selected(winter):
    summer = Photo.objects.exclude(album=winter).get()
    summer.renditions.all().delete()
    assert run("--missing", "--outdated", "--dry-run") == "1 photo would be rerendered."
    Photo.objects.get(album=winter).renditions.update(recipe="1")

    assert run("--outdated", "--dry-run") == "1 photo would be rerendered."
    assert run("--missing", "--outdated") == "2 photos will be rerendered."


def test_a_dry_run_changes_nothing(winter):
    assert run("--dry-run") == "2 photos would be rerendered."
    assert not Rerender.objects.exists()


def test_queued_rerenders_can_be_cancelled(winter):
    run()

    assert run("--cancel", "--album", str(winter.pk)) == "1 photo will not be rerendered."
    assert Rerender.objects.count() == 1


def test_an_unknown_album_is_rejected(db):
    with pytest.raises(CommandError, match=r"No album 7 exists\."):
        run("--album", "7")
