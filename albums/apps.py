from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import operations, removal
        from albums.edits.editing import Edit
        from albums.edits.rotation import Rotate

        removal.connect()
        operations.register(Edit())
        operations.register(Rotate())
