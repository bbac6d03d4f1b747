"""{% upload_panel album %}: the workshop's panel on the library's pages, so that no import points upwards."""

from typing import Any

from django import template

from albums.models import Album
from processing import panels, progress
from processing.progress import Badge

register = template.Library()


@register.inclusion_tag("upload/_panel.html", takes_context=True)
def upload_panel(context: template.Context, album: Album) -> dict[str, Any]:
    request = context["request"]
    return {"panel": panels.of(album), "request": request, "csrf_token": context.get("csrf_token")}


@register.simple_tag
def album_badges(albums: list[Album]) -> dict[int, Badge]:
    return progress.badges(albums)


@register.filter
def get(badges: dict[int, Badge], key: int) -> Badge | None:
    return badges.get(key)
