from django.db import migrations, models

from albums import indexes


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("processing", "0012_connection")]

    operations = [
        indexes.Add(
            model_name="upload",
            index=models.Index(fields=["album", "state", "sha256"], name="upload_album_state_sha256"),
        ),
        indexes.Add(
            model_name="upload",
            index=models.Index(fields=["album", "name"], name="upload_album_name"),
        ),
    ]
