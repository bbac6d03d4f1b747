from allauth.usersessions.apps import UserSessionsConfig


class SessionsConfig(UserSessionsConfig):  # type: ignore[misc]
    """allauth's app with our own signal receivers (see config/accounts/sessions/listing.py)."""

    def ready(self) -> None:
        from allauth.account import signals

        from config.accounts.sessions import listing

        signals.user_logged_in.connect(listing.add, dispatch_uid="sessions")
        for changed in (signals.password_changed, signals.password_set):
            changed.connect(listing.end_others_after_password_change, dispatch_uid="sessions")
        signals.password_reset.connect(listing.end_all, dispatch_uid="sessions")
