from django.db import migrations, models
from django.db.models import Q

from albums import indexes
from albums.search.columns import PLACE, STARS


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0021_search_index")]

    operations = [
        indexes.Add(
            model_name="photo",
            index=models.Index(PLACE, "id", name="photo_place", condition=Q(trashed_at=None, shown_as=None)),
        ),
        indexes.Add(
            model_name="photo",
            index=models.Index(STARS, name="photo_stars", condition=Q(trashed_at=None, shown_as=None)),
        ),
    ]
