from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User

from config.accounts.login.usernames import user_called


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's, which takes as long for an unknown name as for a known one; names are found however they are written."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        found: User | None = self._check_password(user_called(username), password)
        return found
