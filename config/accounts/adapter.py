"""The account adapter: deviations from allauth's defaults."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from config.accounts import mail
from config.accounts.login import client_address, known_devices, throttle


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "duplicate_email": "You have already added this address.",
        "enter_current_password": "Wrong current password.",
        "incorrect_password": "Wrong password.",
        "max_email_addresses": "You can have up to %d addresses. Remove one first.",
        "too_many_login_attempts": "Too many failed attempts. Try again in a few minutes.",
        "username_password_mismatch": "Wrong username or password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Returns False: users are created in the admin, by the first-user link, or by createsuperuser."""
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        """Returns False: no page requests JSON, and JSON responses would be a second interface to secure."""
        return False

    def is_safe_url(self, url: str) -> bool:
        """True if `url` is on the host of the request. allauth would accept every host in ALLOWED_HOSTS."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address.address(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        if mail.is_possible():
            message = self.render_mail(template_prefix, email, {"email": email, "site": settings.PUBLIC_URL, **context})
            mail.submit(message.send)

    def get_reset_password_from_key_url(self, key: str) -> str:
        user, _, token = key.partition("-")
        return str(settings.PUBLIC_URL + reverse("account_reset_password_from_key", args=[user, token]))

    def get_email_confirmation_url(self, request: HttpRequest, confirmation: Any) -> str:
        return str(settings.PUBLIC_URL + reverse("account_confirm_email", args=[confirmation.key]))

    def get_email_verification_redirect_url(self, email_address: Any) -> str:
        return reverse("account_email")  # anonymous visitors have to sign in there

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Returns the user of this name and password. Raises TooManyAttempts without checking the password."""
        attempt = throttle.count_attempt(request, str(credentials.get("username", "")))
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user:
            attempt.succeeded()
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Does nothing: `throttle` counts attempts."""

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        known_devices.remember(request, response, user)
        return response

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """Adds messages about changes, but not about signing in or out, which the page shows anyway."""
        template = args[0] if args else kwargs.get("message_template")
        if template not in ("account/messages/logged_in.txt", "account/messages/logged_out.txt"):
            super().add_message(request, level, *args, **kwargs)
