"""Template tags for album pages, such as {% upload_panel album %}, so that `albums` does not import `processing`."""

from typing import Any

from django import template
from django.conf import settings

from albums.models import Album
from albums.shelf import Card
from processing.pipeline.formats import extensions
from processing.queries import album_progress, help_texts
from processing.queries import upload_panel as panel_query
from processing.queries.album_progress import Badge
from processing.uploads import batches

register = template.Library()


@register.inclusion_tag("upload/_panel.html", takes_context=True)
def upload_panel(context: template.Context, album: Album) -> dict[str, Any]:
    request = context["request"]
    return {"panel": panel_query.build(album), "request": request, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("upload/_uploader.html", takes_context=True)
def upload_desk(context: template.Context, album: Album) -> dict[str, Any]:
    """The upload form of pages with JavaScript. Unlike the panel, it is never replaced by a poll."""
    return {"album": album, "person": context["request"].user.pk, "max_bytes": settings.MAX_FILE_BYTES}


@register.simple_tag
def accepted_endings() -> str:
    """Returns the value of a file input's `accept` attribute."""
    return extensions.ACCEPT


@register.simple_tag
def accepted_names() -> str:
    """Returns the names of the accepted formats, for a sentence."""
    return extensions.NAMES


@register.simple_tag
def accepted_summary() -> str:
    """Returns the best known formats and the number of the others."""
    return extensions.SUMMARY


@register.simple_tag
def cancel_question() -> str:
    """Returns the question that a browser asks before the unfinished files of a batch are cancelled."""
    return f"{help_texts.CANCEL_QUESTION} {help_texts.FINISHED_STAY}"


@register.filter
def is_busy(album: Album) -> bool:
    """True if a batch is active. The page's head is rendered before the panel, and refreshes a busy page without JavaScript."""
    return batches.running_in(album) is not None


@register.simple_tag
def album_badges(cards: list[Card]) -> dict[int, Badge]:
    return album_progress.badges([card.album for card in cards])


@register.filter
def get(values: dict[int, Any], key: int) -> Any:
    return values.get(key)
