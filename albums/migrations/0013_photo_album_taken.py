from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("albums", "0012_labels")]

    operations = [
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                fields=["album", "taken_at"], name="photo_album_taken", condition=Q(trashed_at=None, shown_as=None)
            ),
        ),
    ]
