from django.apps import AppConfig


class AlbumsConfig(AppConfig):
    name = "albums"
    verbose_name = "Library"

    def ready(self) -> None:
        from albums import removal
        from albums.album_edits import actions
        from albums.nesting import tree

        removal.connect()
        tree.connect()
        actions.connect()
