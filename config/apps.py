from django.apps import AppConfig


class Config(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks, security_log, throttle  # noqa: F401 - reading the checks registers them

        throttle.connect()
        security_log.connect()
