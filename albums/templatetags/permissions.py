"""Template tags for the user's permissions, so that pages offer no action that would be rejected."""

from typing import Any

from django import template

from albums.models import Album

register = template.Library()


@register.simple_tag(takes_context=True)
def may_delete_album(context: dict[str, Any], album: Album) -> bool:
    return album.is_deletable_by(context["request"].user)


@register.simple_tag(takes_context=True)
def may_delete_photos(context: dict[str, Any], album: Album) -> bool:
    """True if the user may delete photos, and files of failed uploads and of uploads in progress."""
    return album.is_emptiable_by(context["request"].user)
