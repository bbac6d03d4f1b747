from django.urls import path

from processing.views import (
    actions,
    batches,
    dashboard,
    failures,
    form,
    limits,
    manifest,
    panel,
    probe,
    receipts,
    storage,
    uploads,
)

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
    # tus answers with no redirect, so these stand for those with the slash.
    path("albums/<int:pk>/uploads/tus", uploads.create),
    path("uploads/<uuid:pk>", uploads.upload),
    path("batches/", batches.index, name="batches"),
    path("batches/<int:pk>/", batches.detail, name="batch"),
    path("batches/<int:pk>/receipt.csv", receipts.as_csv, name="receipt-csv"),
    path("batches/<int:pk>/receipt.json", receipts.as_json, name="receipt-json"),
    path("batches/<int:pk>/retry/", batches.retry, name="retry-batch"),
    path("batches/<int:pk>/cancel/", batches.cancel, name="cancel-batch"),
    path("batches/<int:pk>/delete/", batches.delete, name="delete-batch"),
    path("jobs/", dashboard.jobs, name="jobs"),
    path("jobs/rerendering/cancel/", dashboard.cancel_rerendering, name="cancel-rerendering"),
    path("limits/", limits.page, name="limits"),
    path("limits/measure/", limits.measure, name="measure"),
    path("limits/reclaim/", limits.reclaim, name="reclaim"),
    path("limits/probe/", probe.probe, name="probe"),
    path("storage/", storage.page, name="storage"),
    path("storage/validate/", storage.validate, name="storage-validate"),
    path("storage/test/", storage.test, name="storage-test"),
    path("storage/disconnect/", storage.disconnect, name="storage-disconnect"),
    path("jobs/<int:pk>/raw/", failures.raw, name="raw"),
    path("jobs/<int:pk>/preview/", failures.preview, name="preview"),
    path("failures/", failures.desk, name="failures"),
    path("failures/retry/", failures.retry, name="retry-failures"),
    path("failures/dismiss/", failures.dismiss, name="dismiss-failures"),
]
