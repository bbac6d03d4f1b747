from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from django.views.generic import RedirectView

from config import first_user, health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="albums:list")),
    path("", include("albums.urls")),
    path("", include("processing.urls")),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("welcome/<str:token>/", first_user.welcome, name="welcome"),
    path("healthz", health.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]

handler500 = "config.errors.server_error"
