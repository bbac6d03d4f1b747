"""Sentences about what was moved, copied and deleted."""

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from albums.models import Album, Operation


def photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count:,} photos"


def photos_were(count: int) -> str:
    return f"{photos(count)} {_was(count)}"


def placed(operation: Operation, verb: str) -> SafeString:
    """Returns what was moved or copied, and what was not: "12 photos were moved to Rome. 3 were already there."."""
    # Its title may be another one since the user lost access to it.
    album = Album.objects.visible_to(operation.user).filter(pk=operation.params["album"]).first()
    title = format_html('<a href="{}">{}</a>', album.get_absolute_url(), album.title) if album else "another album"
    done, duplicates = operation.done, operation.params["known"]
    unavailable = operation.total - done - duplicates
    sentences = []
    if done:
        sentences.append(format_html("{} {} to {}.", photos_were(done), verb, title))
    if duplicates:
        text = "{:s} {} already there." if done else "{:s} {} already in {}."
        sentences.append(format_html(text, f"{duplicates:,}" if done else photos(duplicates), _was(duplicates), title))
    if unavailable > 0:
        sentences.append(
            format_html(
                "{} {} not {}.", f"{unavailable:,}" if sentences else photos(unavailable), _was(unavailable), verb
            )
        )
    return format_html_join(" ", "{}", ((sentence,) for sentence in sentences))


def trashed(operation: Operation) -> SafeString:
    """Returns "IMG_1.JPG was moved to the trash." for one photo, or how many were. Links to the trash, if it is only one."""
    name, selection = operation.params.get("name"), operation.selection or {}
    subject = format_html('<strong class="name">{}</strong> was', name) if name else photos_were(operation.done)
    album_id = operation.params.get("album") or selection.get("album_id")
    trash = format_html('<a href="{}">trash</a>', reverse("albums:trash", args=[album_id])) if album_id else "trash"
    return format_html("{} moved to the {}.", subject, trash)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
