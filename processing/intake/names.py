"""File names as people see them. A name that a sender chose is shown, escaped, and never used as a path."""

import re

from processing.pipeline import characters

LONGEST = 200
UNNAMED = "unnamed"

ESCAPED = re.compile("%(?:22|0A|0D)", re.IGNORECASE)


def shown(name: str) -> str:
    """The last part of the name, in one line, without what cannot be seen; shortened in the middle of nothing but its stem."""
    last = re.split(r"[/\\]", _decoded(name))[-1]
    visible = "".join(
        char for char in characters.seen(characters.composed(last)) if char not in characters.MARKS
    ).strip()
    if not visible.strip(characters.JOINERS):
        return UNNAMED
    return _shortened(visible)


def of_form(name: str) -> str:
    """A name in a multipart form, as it was before the browser escaped it: quotes and line breaks (WHATWG HTML, 4.10.21.8).

    Browsers do not escape the percent sign, so a file that is really called `%22` gets a quote.
    """
    return ESCAPED.sub(lambda found: chr(int(found[0][1:], 16)), name)


def _decoded(name: str) -> str:
    """A name on a disk that is no UTF-8 comes with its bytes as halves of surrogate pairs (PEP 383)."""
    if not any("\udc80" <= char <= "\udcff" for char in name):
        return name
    from processing.pipeline.metadata import text  # only here, since it loads Pillow

    try:
        return text.decode(name.encode("utf-8", "surrogateescape")) or name
    except UnicodeEncodeError:
        return name


def _shortened(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return characters.cut(name, LONGEST - 1) + "…"
    return characters.cut(stem, LONGEST - len(ending) - 2) + "…." + ending
