from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import operations, removal
        from albums.edits.editing import Edit
        from albums.edits.rotation import Rotate
        from albums.order import actions as order
        from albums.similar.actions import KeepAll

        removal.connect()
        order.connect()
        for action in (Edit(), KeepAll(), Rotate()):
            operations.register(action)
        from albums import removal
        from albums.search import index

        removal.connect()
        post_migrate.connect(index.repair, sender=self, dispatch_uid="albums.search.index")
