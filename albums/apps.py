from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import removal
        from albums.order import actions as order_actions

        removal.connect()
        order_actions.connect()
