from django.db import migrations, models

from albums import indexes


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("processing", "0018_batch_finished")]

    operations = [
        indexes.Add(
            model_name="batch",
            index=models.Index(fields=["id"], condition=models.Q(finished_at=None), name="batch_unfinished"),
        ),
    ]
