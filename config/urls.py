from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config.accounts import first_user, views
from config.accounts.admin import hide_secrets, register_users
from config.http import health, metrics

admin.site.site_header = admin.site.site_title = "Darkroom administration"
admin.site.enable_nav_sidebar = False  # it would leave too little width for the columns of the jobs
hide_secrets()
register_users()
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="albums:list")),
    path("", include("albums.urls")),
    path("", include("processing.urls")),
    path("accounts/", include("config.accounts.urls")),
    path("welcome/<str:token>/", first_user.welcome, name="welcome"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/login/", views.admin_sign_in),  # overrides the admin's own
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
]

handler400 = "config.http.error_pages.bad_request"
handler403 = "config.http.error_pages.forbidden"
handler404 = "config.http.error_pages.not_found"
handler429 = "config.http.error_pages.too_many_requests"  # used by allauth
handler500 = "config.http.error_pages.server_error"
