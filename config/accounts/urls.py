"""The pages of allauth that exist here. Those that are missing, as signing up, are not found."""

from allauth.account import views as allauth
from django.urls import URLPattern, path, re_path
from django.views.decorators.http import require_http_methods
from django.views.generic import TemplateView

from config.accounts import views


def page(route: str, view: views.View, name: str) -> URLPattern:
    """The view at `route`. Django's form views would take PUT for POST."""
    return path(route, read_and_post(view), name=name)


def read_and_post(view: views.View) -> views.View:
    return require_http_methods(["GET", "HEAD", "POST"])(view)


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
    re_path(
        "^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        read_and_post(allauth.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
]
