from allauth.usersessions.apps import UserSessionsConfig


class SessionsConfig(UserSessionsConfig):  # type: ignore[misc]
    """allauth's app with receivers of our own: config/accounts/sessions.py says why."""

    def ready(self) -> None:
        from allauth.account import signals

        from config.accounts import sessions

        signals.user_logged_in.connect(sessions.enlist, dispatch_uid="sessions")
        for changed in (signals.password_changed, signals.password_set):
            changed.connect(sessions.keep_this_one, dispatch_uid="sessions")
        signals.password_reset.connect(sessions.end_all, dispatch_uid="sessions")
