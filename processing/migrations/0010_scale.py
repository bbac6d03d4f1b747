from django.db import migrations, models

from albums import indexes


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("processing", "0009_place")]

    operations = [
        indexes.Add(
            model_name="batch",
            index=models.Index(fields=["-opened_at", "-id"], name="batch_opened"),
        ),
        indexes.Add(
            model_name="processingjob",
            index=models.Index(fields=["state", "finished_at"], name="job_state_finished"),
        ),
        indexes.Add(
            model_name="processingjob",
            index=models.Index(fields=["state", "created_at"], name="job_state_created"),
        ),
    ]
