from django.db import migrations

from albums.search import index


def create(apps, schema_editor):
    """The triggers come first, then all rows are indexed in batches: a row that changes meanwhile is in the index either way."""
    index.create(schema_editor.connection)
    index.rebuild(schema_editor.connection)


def drop(apps, schema_editor):
    index.drop(schema_editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0020_album_path")]

    operations = [migrations.RunPython(create, drop)]
