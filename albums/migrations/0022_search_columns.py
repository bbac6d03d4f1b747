from django.db import migrations, models

from albums import indexes
from albums.columns.search_order import PLACE, STARS


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0021_search_index")]

    operations = [
        indexes.Add(
            model_name="photo",
            index=models.Index(PLACE, "id", name="photo_place"),
        ),
        indexes.Add(
            model_name="photo",
            index=models.Index(STARS, name="photo_stars"),
        ),
    ]
