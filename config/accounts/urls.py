"""The enabled pages of allauth. All others, such as signing up, return 404."""

from allauth.account import views as allauth
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as keys
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, path, re_path, reverse_lazy
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import TemplateView

from config.accounts import passkeys, views
from config.accounts.oidc import views as oidc


def page(route: str, view: views.View, name: str) -> URLPattern:
    """Returns the URL pattern, limited to GET, HEAD and POST: Django's form views treat PUT like POST."""
    return path(route, read_and_post(view), name=name)


def read_and_post(view: views.View) -> views.View:
    return require_http_methods(["GET", "HEAD", "POST"])(view)


OVERVIEW = reverse_lazy("mfa_index")

urlpatterns = [
    path("", TemplateView.as_view(template_name="account/overview.html"), name="account"),
    page("login/", views.sign_in, "account_login"),
    page("logout/", allauth.logout, "account_logout"),
    page("inactive/", allauth.account_inactive, "account_inactive"),
    page("reauthenticate/", allauth.reauthenticate, "account_reauthenticate"),
    page("password/change/", allauth.password_change, "account_change_password"),
    path("password/set/", TemplateView.as_view(template_name="account/no_password.html"), name="account_set_password"),
    page("password/reset/", views.reset, "account_reset_password"),
    page("password/reset/done/", allauth.password_reset_done, "account_reset_password_done"),
    page("password/reset/key/done/", allauth.password_reset_from_key_done, "account_reset_password_from_key_done"),
    page("email/", views.email, "account_email"),
    page("confirm-email/", allauth.email_verification_sent, "account_email_verification_sent"),
    page("confirm-email/<str:key>/", allauth.confirm_email, "account_confirm_email"),
    page("sessions/", views.list_sessions, "usersessions_list"),
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
    re_path(
        "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        read_and_post(allauth.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
]
