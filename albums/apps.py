from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import removal
        from albums.order import actions as order
        from albums.similar import actions as similar

        removal.connect()
        order.connect()
        similar.connect()
