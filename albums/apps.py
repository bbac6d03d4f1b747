from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import moving, removal

        removal.connect()
        moving.connect()
