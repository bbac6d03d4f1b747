"""Sends links for resetting a password."""

from allauth.account.forms import ResetPasswordForm, default_token_generator
from allauth.account.internal import flows
from allauth.account.models import EmailAddress
from allauth.core import context
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest

from config.accounts import mail
from config.accounts.forms import simplify_fields


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Looks up users in the mail thread: content and duration of the response are the same for every address."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: object) -> str:
        email = str(self.cleaned_data["email"])
        mail.submit(lambda: send_link(request, email))
        return email


def send_link(request: HttpRequest, email: str) -> None:
    """Sends a mail to each user of this address; none if no user has it."""
    with context.request_context(request):
        users = list(users_of(email))
        if users:
            flows.password_reset.request_password_reset(request, email, users, default_token_generator)


def users_of(email: str) -> "list[User]":
    """Returns the active users with a password and this address, which they confirmed or an administrator entered.

    An unconfirmed address that a user entered may belong to another person.
    """
    confirmed = EmailAddress.objects.filter(email__iexact=email, verified=True).values("user")
    has_address = Q(pk__in=confirmed) | Q(email__iexact=email, emailaddress=None)
    users = User.objects.filter(has_address, is_active=True).distinct()
    return [user for user in users if user.has_usable_password()]
