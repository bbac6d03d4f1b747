"""Which photos a request means: a few by their ids, or all of an album or search but a few."""

from albums.selection.selection import Selection, SelectionError

__all__ = ["Selection", "SelectionError"]
