from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"
    verbose_name = "Processing"

    def ready(self) -> None:
        from albums.download import readiness
        from processing import signals
        from processing.integrity import zip_checksums
        from processing.maintenance import bucket_settings

        signals.connect()
        bucket_settings.connect()
        readiness.register(zip_checksums)
