"""Template tags for selecting photos and for the actions on them."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from albums.models import Album
from albums.search.results import MAX_COUNT, Search

register = template.Library()


@register.inclusion_tag("selection/_bar.html", takes_context=True)
def selection_bar(context: dict[str, Any], total: int, album: Album | None = None, search: Search | None = None) -> Any:
    """The bar with the number of selected photos and the actions on them, for the grid of an album or of a search.

    `total`: the number of photos that "all" means. `album`: also that in which was searched.
    """
    request = context["request"]
    parameters = [(name, value) for name, value in request.GET.items() if name != "select"]
    page = f"{request.path}?{urlencode(parameters)}" if parameters else request.path
    may_delete = album is None or album.is_emptiable_by(request.user)
    return {
        "csrf_token": context.get("csrf_token"),
        "album": album,
        "search": search,
        "total": min(total, MAX_COUNT) if search else total,
        "is_more": search is not None and total > MAX_COUNT,
        "page": page,
        "may_delete": may_delete,
        "is_selecting": is_selecting(context),
    }


@register.simple_tag(takes_context=True)
def is_selecting(context: dict[str, Any]) -> bool:
    """True if the page shows a checkbox on each photo, for browsers without JavaScript."""
    return "select" in context["request"].GET


@register.simple_tag
def action_url(name: str) -> str:
    """Returns the URL of an action on the selection; empty if there is no such action."""
    try:
        return reverse(f"albums:selection-{name}")
    except NoReverseMatch:
        return ""
