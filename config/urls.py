from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import first_user, health
from config.accounts import views
from config.accounts.admin import hide_secrets

hide_secrets()
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="albums:list")),
    path("", include("albums.urls")),
    path("", include("processing.urls")),
    path("accounts/", include("config.accounts.urls")),
    path("welcome/<str:token>/", first_user.welcome, name="welcome"),
    path("healthz", health.healthz, name="healthz"),
    path("admin/login/", views.admin_sign_in),  # before the admin's own
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler429 = "config.errors.too_many_requests"  # asked for by allauth
handler500 = "config.errors.server_error"
