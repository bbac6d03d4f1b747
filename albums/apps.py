from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import operations, removal
        from albums.similar.actions import KeepAll

        removal.connect()
        operations.register(KeepAll())
