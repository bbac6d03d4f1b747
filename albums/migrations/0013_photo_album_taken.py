from django.db import migrations, models
from django.db.models import Q

from albums import indexes


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0012_labels")]

    operations = [
        indexes.Add(
            model_name="photo",
            index=models.Index(
                fields=["album", "taken_at"], name="photo_album_taken", condition=Q(trashed_at=None, shown_as=None)
            ),
        ),
    ]
