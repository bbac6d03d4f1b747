from django.apps import AppConfig


class Config(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import checks, throttle  # noqa: F401 - reading the checks registers them

        throttle.connect()

        from config.accounts import checks as provider_checks  # noqa: F401
        from config.accounts import half_way

        half_way.connect()
