"""{% upload_panel album %}, {% upload_desk album %}: the workshop on the library's pages, so that no import points upwards."""

from typing import Any

from django import template
from django.conf import settings

from albums.models import Album
from albums.shelf import Card
from processing.pipeline.formats import extensions
from processing.queries import album_progress
from processing.queries import upload_panel as panel_query
from processing.queries.album_progress import Badge
from processing.uploads import batches

register = template.Library()


@register.inclusion_tag("upload/_panel.html", takes_context=True)
def upload_panel(context: template.Context, album: Album) -> dict[str, Any]:
    request = context["request"]
    return {"panel": panel_query.of(album), "request": request, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("upload/_uploader.html", takes_context=True)
def upload_desk(context: template.Context, album: Album) -> dict[str, Any]:
    """Beside the panel, and never replaced: what a page with its script sends photos with."""
    return {"album": album, "person": context["request"].user.pk, "max_bytes": settings.MAX_FILE_BYTES}


@register.simple_tag
def accepted_endings() -> str:
    """For the `accept` of a file input."""
    return extensions.ACCEPT


@register.simple_tag
def accepted_names() -> str:
    """For a sentence about what can be sent."""
    return extensions.NAMES


@register.filter
def is_busy(album: Album) -> bool:
    """For the page's head, which cannot wait for the panel: without JavaScript a busy page refreshes itself."""
    return batches.running_in(album) is not None


@register.simple_tag
def album_badges(cards: list[Card]) -> dict[int, Badge]:
    return album_progress.badges([card.album for card in cards])


@register.filter
def get(badges: dict[int, Badge], key: int) -> Badge | None:
    return badges.get(key)
