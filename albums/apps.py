from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import moving, operations, removal
        from albums.album_edits import actions as album_edits
        from albums.edits.editing import Edit
        from albums.edits.rotation import Rotate
        from albums.nesting import tree
        from albums.order import actions as order
        from albums.search import index
        from albums.similar.actions import KeepAll

        removal.connect()
        tree.connect()
        order.connect()
        moving.connect()
        album_edits.connect()
        for action in (Edit(), KeepAll(), Rotate()):
            operations.register(action)
        post_migrate.connect(index.repair, sender=self, dispatch_uid="albums.search.index")
