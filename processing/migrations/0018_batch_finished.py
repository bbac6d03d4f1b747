from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, F, OuterRef


def mark_settled_batches(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Records an end for batches that have settled already, so that none of them is announced now.

    When they settled is not known, so their end is the time at which they were opened.
    """
    of_batch = {"batch": OuterRef("pk")}
    uploads = apps.get_model("processing", "Upload").objects.filter(state="receiving", **of_batch)
    jobs = apps.get_model("processing", "ProcessingJob").objects.filter(state__in=["pending", "processing"], **of_batch)
    settled = apps.get_model("processing", "Batch").objects.filter(~Exists(uploads), ~Exists(jobs), finished_at=None)
    settled.update(finished_at=F("opened_at"))


class Migration(migrations.Migration):
    dependencies = [("processing", "0017_upload_folder")]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="finished_at",
            field=models.DateTimeField(
                blank=True, help_text="When its last upload and its last job had settled for the first time.", null=True
            ),
        ),
        migrations.RunPython(mark_settled_batches, migrations.RunPython.noop),
    ]
