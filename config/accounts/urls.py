"""The pages of allauth that exist here. Those that are missing, as signing up, are not found."""

from allauth.account import views
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as keys
from allauth.usersessions import views as sessions
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, path, reverse_lazy
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import TemplateView

from config import sign_in
from config.accounts import passkeys
from config.accounts.oidc import views as oidc


def page(route: str, view: sign_in.View, name: str) -> URLPattern:
    """The view at `route`. Django's form views would take PUT for POST."""
    return path(route, require_http_methods(["GET", "HEAD", "POST"])(view), name=name)


OVERVIEW = reverse_lazy("mfa_index")

urlpatterns = [
    path("", TemplateView.as_view(template_name="account/overview.html"), name="account"),
    page("login/", sign_in.sign_in, "account_login"),
    page("logout/", views.logout, "account_logout"),
    page("inactive/", views.account_inactive, "account_inactive"),
    page("reauthenticate/", views.reauthenticate, "account_reauthenticate"),
    page("password/change/", views.password_change, "account_change_password"),
    page("email/", views.email, "account_email"),
    page("sessions/", sessions.list_usersessions, "usersessions_list"),
    page("two-factor/", second_factor.index, "mfa_index"),
    page("two-factor/code/", second_factor.authenticate, "mfa_authenticate"),
    page("two-factor/confirm/", second_factor.reauthenticate, "mfa_reauthenticate"),
    page("two-factor/app/", app.activate_totp, "mfa_activate_totp"),
    page("two-factor/app/remove/", app.deactivate_totp, "mfa_deactivate_totp"),
    page("two-factor/recovery-codes/", recovery_codes.view_recovery_codes, "mfa_view_recovery_codes"),
    page("two-factor/recovery-codes/new/", recovery_codes.generate_recovery_codes, "mfa_generate_recovery_codes"),
    path(
        "two-factor/recovery-codes/file/",
        require_safe(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    page("passkeys/add/", keys.add_webauthn, "mfa_add_webauthn"),
    page("passkeys/confirm/", keys.reauthenticate_webauthn, "mfa_reauthenticate_webauthn"),
    page("passkeys/<int:pk>/name/", keys.EditWebAuthnView.as_view(success_url=OVERVIEW), "mfa_edit_webauthn"),
    page("passkeys/<int:pk>/remove/", keys.RemoveWebAuthnView.as_view(success_url=OVERVIEW), "mfa_remove_webauthn"),
    path("openid-connect/", oidc.begin, name="oidc_begin"),
    path("openid-connect/callback/", oidc.callback, name="oidc_callback"),
    path("openid-connect/connection/", oidc.connection, name="oidc_connection"),
    page("passkeys/sign-in/", login_not_required(passkeys.SignInView.as_view()), "mfa_login_webauthn"),
]
