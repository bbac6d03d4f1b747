"""The grid of an album: its windows, the months to jump to, and each user's preferences."""

from albums.grid.windows import url_of

__all__ = ["url_of"]
