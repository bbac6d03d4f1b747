import gc

from django.apps import AppConfig


class Config(AppConfig):
    name = "config"

    def ready(self) -> None:
        from allauth.account.signals import authentication_step_completed, password_reset
        from django.contrib.auth.signals import user_logged_in

        from config import checks  # noqa: F401 - importing the checks registers them
        from config.accounts import checks as provider_checks  # noqa: F401 - the same
        from config.accounts import security_log
        from config.accounts.login import partial_login, throttle
        from config.accounts.sessions import activity

        user_logged_in.connect(activity.start, dispatch_uid="activity")
        password_reset.connect(throttle.reset, dispatch_uid="guesses")
        authentication_step_completed.connect(activity.on_reauthenticated, dispatch_uid="activity")
        partial_login.connect()
        security_log.connect()
        gc.freeze()  # otherwise the first collection looks at all modules: 0.14 s
        gc.enable()  # disabled by manage.py and config.wsgi during imports
