"""`{% bundle "main.js" %}`: the URL of a script or style sheet with everything that it imports."""

from django import template
from django.conf import settings
from django.templatetags.static import static

SOURCES = {
    "main.js": "js/main.js",
    "limits-meter.js": "js/elements/limits-meter.js",
    "darkroom.css": "css/darkroom.css",
}
"""Each bundle in static/bundles/, and the file in static/ from which `make bundles` writes it."""

register = template.Library()


@register.simple_tag
def bundle(name: str) -> str:
    """Returns the URL of the bundle; with DEBUG, of its source, so that a change shows without `make bundles`."""
    return static(SOURCES[name] if settings.DEBUG else f"bundles/{name}")
