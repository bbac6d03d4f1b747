"""File names as people see them. A name that a sender chose is shown, escaped, and never used as a path."""

import re

from processing.pipeline.metadata import characters

LONGEST = 200
LONGEST_FOLDER = 500
UNNAMED = "unnamed"

ESCAPED = re.compile("%(?:22|0A|0D)", re.IGNORECASE)


HIDDEN_PARTS = "Its name held parts that cannot be shown, so it is listed under this one."
TOO_LONG = f"Its name has more than {LONGEST} characters, so it is listed under a shorter one."


def shown(name: str) -> str:
    """The last part of the name, in one line, without what cannot be seen; shortened in the middle of nothing but its stem."""
    visible = _visible(_last(name)).strip()
    if not visible.strip(characters.JOINERS):
        return UNNAMED
    return _shortened(visible)


def note(name: str) -> str:
    """Why the name is shown otherwise than it was sent; empty where a person sees the same. Folders before it are no part of it.

    Macs take accents apart, which looks the same.
    """
    last = _last(name)
    if _visible(last) != last or not last.strip():
        return HIDDEN_PARTS
    return TOO_LONG if len(last.strip()) > LONGEST else ""


def of_form(name: str) -> str:
    """A name in a multipart form, as it was before the browser escaped it: quotes and line breaks (WHATWG HTML, 4.10.21.8).

    Browsers do not escape the percent sign, so a file that is really called `%22` gets a quote.
    """
    return ESCAPED.sub(lambda found: chr(int(found[0][1:], 16)), name)


def folder(name: str) -> str:
    """The folders before the last part of the name, parted by `/`; of many the last ones. Empty where none are told.

    Only to see which files lie together: it is never used as a path, and not shown.
    """
    parts = re.split(r"[/\\]", characters.composed(_decoded(name)))[:-1]
    visible = [_visible(part).strip() for part in parts]
    return "/".join(part for part in visible if part not in ("", "."))[-LONGEST_FOLDER:]


def _last(name: str) -> str:
    """Without folders, its accents put together."""
    return characters.composed(re.split(r"[/\\]", _decoded(name))[-1])


def _visible(name: str) -> str:
    return "".join(char for char in characters.seen(name) if char not in characters.MARKS)


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


def with_folders(name: str, path: object) -> str:
    """The path, if it is one of a file of this name: which files lie together says which belong together. Else the name alone."""
    return path if isinstance(path, str) and name and path.endswith(f"/{name}") else name
