from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"
    verbose_name = "Processing"

    def ready(self) -> None:
        from processing import signals
        from processing.maintenance import bucket_settings

        signals.connect()
        bucket_settings.connect()
