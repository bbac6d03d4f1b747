from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User

from config.accounts.login.usernames import find_user


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's backend, which takes as long for unknown names as for known ones. Names match in any spelling."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        user: User | None = self._check_password(find_user(username), password)
        return user
