"""The pages of allauth that exist here. Those that are missing, as signing up, are not found."""

from allauth.account import views as allauth
from allauth.usersessions import views as sessions
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods
from django.views.generic import TemplateView

from config.accounts import views


def page(route: str, view: views.View, name: str) -> URLPattern:
    """The view at `route`. Django's form views would take PUT for POST."""
    return path(route, require_http_methods(["GET", "HEAD", "POST"])(view), name=name)


urlpatterns = [
    path("", TemplateView.as_view(template_name="account/overview.html"), name="account"),
    page("login/", views.sign_in, "account_login"),
    page("logout/", allauth.logout, "account_logout"),
    page("inactive/", allauth.account_inactive, "account_inactive"),
    page("reauthenticate/", allauth.reauthenticate, "account_reauthenticate"),
    page("password/change/", allauth.password_change, "account_change_password"),
    page("email/", allauth.email, "account_email"),
    page("sessions/", sessions.list_usersessions, "usersessions_list"),
]
