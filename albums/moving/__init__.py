"""Moving, copying and deleting selected photos, with everything that belongs to them: RAWs, companions, edits and ratings."""

from albums.moving.signals import placed

__all__ = ["connect", "placed"]


def connect() -> None:
    """Registers the actions. Their modules are imported once all apps are ready."""
    from albums import operations
    from albums.moving.deletion import Delete, DeletePermanently
    from albums.moving.duplication import Copy
    from albums.moving.relocation import Move

    for action in (Move(), Copy(), Delete(), DeletePermanently()):
        operations.register(action)
