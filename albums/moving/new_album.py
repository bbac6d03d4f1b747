"""The new album that photos were moved or copied to."""

from albums.models import Album, Operation


def delete_untouched(operation: Operation) -> None:
    """Deletes the album that was created for the operation, if nothing is in it and it is as it was created.

    Call it in the transaction that undoes the last step. Any row that refers to the album keeps it, also an upload.
    """
    created = operation.params.get("created")
    if not created:
        return
    album = Album.objects.select_for_update().filter(pk=operation.params["album"]).first()
    if (
        album
        and _state(album) == _state(Album(title=created, owner=operation.user, description="", path=album.path))
        and not _is_used(album)
    ):
        album.delete()


def _state(album: Album) -> dict[str, object]:
    """The album's columns but those that differ between any two albums."""
    names = {field.attname for field in Album._meta.concrete_fields} - {"id", "created_at"}
    return {name: getattr(album, name) for name in names}


def _is_used(album: Album) -> bool:
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: album}).exists()
        for relation in Album._meta.related_objects
    )
