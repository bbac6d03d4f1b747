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
    """Beside another album: each has a photo."""
    winter = Album.objects.create(title="Winter", owner=owner)
    for each in (album, winter):
        making.received(each)
        assert worker.develop_next()
    return winter


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rerender", *arguments, stdout=out)
    return out.getvalue().strip()


def test_all_photos_are_asked_for_once(winter):
    assert [run(), run()] == ["2 photos will be rerendered.", "0 photos will be rerendered."]


def test_only_those_of_an_album(winter):
    assert run("--album", str(winter.pk)) == "1 photo will be rerendered."
    assert Rerender.objects.get().photo.album == winter


def test_only_those_that_are_outdated_or_lack_something(winter):
    summer = Photo.objects.exclude(album=winter).get()
    summer.renditions.all().delete()
    assert run("--missing", "--outdated", "--dry-run") == "1 photo would be rerendered."
    Photo.objects.get(album=winter).renditions.update(recipe="1")

    assert run("--outdated", "--dry-run") == "1 photo would be rerendered."
    assert run("--missing", "--outdated") == "2 photos will be rerendered."


def test_a_dry_run_changes_nothing(winter):
    assert run("--dry-run") == "2 photos would be rerendered."
    assert not Rerender.objects.exists()


def test_what_was_asked_for_can_be_taken_back(winter):
    run()

    assert run("--cancel", "--album", str(winter.pk)) == "1 photo will not be rerendered."
    assert Rerender.objects.count() == 1


def test_an_album_that_is_not_there_is_said(db):
    with pytest.raises(CommandError, match=r"No album 7 exists\."):
        run("--album", "7")
