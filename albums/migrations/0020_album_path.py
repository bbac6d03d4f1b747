"""Writes the paths of albums that were created before albums could be inside each other."""

from django.db import migrations
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat


def write_paths(apps, schema_editor):
    Album = apps.get_model("albums", "Album")
    path = Concat(Value("/"), Cast("pk", CharField()), Value("/"))
    Album.objects.using(schema_editor.connection.alias).filter(path="").update(path=path)


class Migration(migrations.Migration):
    dependencies = [("albums", "0019_order")]

    operations = [migrations.RunPython(write_paths, migrations.RunPython.noop, elidable=True)]
