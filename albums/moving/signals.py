"""The signal of photos that are in another album, or new."""

from django.dispatch import Signal

placed = Signal()
"""Sent with `album` and `photo_ids`, in the transaction that moved photos to the album or created copies in it.

No model signals are sent for these rows. Receivers update what they store with an album's id.
"""
