"""The grid of an album: its windows, the months to jump to, and how a user wants to see it."""

from albums.grid.windows import url_of

__all__ = ["url_of"]
