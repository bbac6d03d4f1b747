from django.urls import path

from processing.views import actions, dashboard, form, manifest, panel, uploads

app_name = "processing"

urlpatterns = [
    path("albums/<int:pk>/uploads/", form.receive, name="receive"),
    path("albums/<int:pk>/uploads/status/", panel.status, name="panel"),
    path("albums/<int:pk>/uploads/retry/", actions.retry, name="retry"),
    path("albums/<int:pk>/uploads/clear/", actions.clear, name="clear"),
    path("albums/<int:pk>/uploads/cancel/", actions.cancel, name="cancel"),
    path("albums/<int:pk>/uploads/manifest/", manifest.declare, name="manifest"),
    path("albums/<int:pk>/uploads/tus/", uploads.create, name="create-upload"),
    path("uploads/<uuid:pk>/", uploads.upload, name="upload"),
    path("jobs/", dashboard.jobs, name="jobs"),
]
