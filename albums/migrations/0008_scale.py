from django.db import migrations, models

from albums import indexes


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0007_renditions")]

    operations = [
        indexes.Add(
            model_name="album",
            index=models.Index(fields=["-created_at", "-id"], name="album_created"),
        ),
    ]
