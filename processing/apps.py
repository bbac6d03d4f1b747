from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"
    verbose_name = "Workshop"

    def ready(self) -> None:
        from processing import cleaning, connecting

        cleaning.connect()
        connecting.connect()
