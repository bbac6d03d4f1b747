from django.db import migrations, models
from django.db.models.functions import Coalesce

from albums import indexes


class Migration(migrations.Migration):
    """The index for the dates of albums, which users can edit. Beside the work: the table may be large."""

    atomic = False

    dependencies = [
        ('albums', '0018_edits'),
    ]

    operations = [
        indexes.Add(
            model_name='photo',
            index=models.Index(models.F('album'), Coalesce(models.F('edited_taken_at'), models.F('taken_at')), condition=models.Q(('shown_as', None), ('trashed_at', None)), name='photo_album_taken'),
        ),
    ]
