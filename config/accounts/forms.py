"""allauth's forms with this site's field names and labels."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    AddEmailForm,
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordKeyForm,
)
from django.conf import settings
from django.core.exceptions import ValidationError


class SignInForm(LoginForm):  # type: ignore[misc]
    """The sign-in form. Its name field is called `username`, because programs send that (docs/uploading.md)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)
        self.fields["login"].widget.attrs["autofocus"] = True

    def add_prefix(self, field_name: str) -> str:
        return "username" if field_name == "login" else str(super().add_prefix(field_name))

    def clean(self) -> Any:
        if settings.OIDC_ONLY:  # before any password is checked
            raise ValidationError(f"Sign in with {settings.OIDC_NAME}. Passwords are turned off.", code="oidc-only")
        return super().clean()


class PasswordForm(ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)

    def clean_oldpassword(self) -> str:
        """Counts like a sign-in attempt, so that the password cannot be guessed in a browser that is signed in."""
        password = str(self.cleaned_data["oldpassword"])
        adapter = get_adapter()
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


class NewPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)


class ConfirmForm(ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)


class AddressForm(AddEmailForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simplify_fields(self.fields)


HELP = {"password1": "At least 8 characters. Sentences are easy to remember."}
LABELS = {
    "login": "Username",
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "Confirm new password",
    "email": "E-mail address",
}


def simplify_fields(fields: dict[str, Any]) -> None:
    """Sets this site's labels and help texts, and removes placeholders, which repeat the labels."""
    for name, field in fields.items():
        field.widget.attrs.pop("placeholder", None)
        field.label = LABELS.get(name, field.label)
        field.help_text = HELP.get(name, "")
