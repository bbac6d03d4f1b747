from django.db import migrations

from albums.search import index


def rebuild(apps, schema_editor):
    """Indexes each Chinese, Japanese and Korean character as a word, in batches: a row that changes meanwhile is in the index."""
    index.create(schema_editor.connection)
    index.rebuild(schema_editor.connection)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("albums", "0025_perceptual_hash")]

    operations = [migrations.RunPython(rebuild, migrations.RunPython.noop)]
