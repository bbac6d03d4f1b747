import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import albums.columns.name_key
from albums.columns.natural_sort import natural

BATCH_SIZE = 1000


def fill_sort_columns(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Until now, every position was the one given at upload."""
    photos = apps.get_model('albums', 'Photo').objects.using(schema_editor.connection.alias).order_by('pk')
    last = 0
    with schema_editor.connection.cursor() as cursor:
        while batch := list(photos.filter(pk__gt=last).values_list('pk', 'name')[:BATCH_SIZE]):
            cursor.executemany(
                'UPDATE albums_photo SET name_key = %s, upload_position = position WHERE id = %s',
                [(natural(name), pk) for pk, name in batch],
            )
            last = batch[-1][0]


class Migration(migrations.Migration):

    dependencies = [
        ('albums', '0018_photo_album_taken'),
    ]

    operations = [
        migrations.CreateModel(
            name='FormerPosition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('photo_id', models.BigIntegerField()),
                ('position_before', models.BigIntegerField()),
                ('position_after', models.BigIntegerField()),
                (
                    'operation',
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='+',
                        to='albums.operation',
                    ),
                ),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('operation', 'photo_id'), name='former_position_once')
                ],
            },
        ),
        migrations.AddField(
            model_name='album',
            name='sorted_by',
            field=models.CharField(
                choices=[
                    ('uploaded', 'Upload time'),
                    ('taken', 'Date taken, oldest first'),
                    ('newest', 'Date taken, newest first'),
                    ('name', 'File name'),
                    ('rating', 'Rating'),
                    ('manual', 'Manual'),
                ],
                db_default='uploaded',
                default='uploaded',
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name='photo',
            name='name_key',
            field=albums.columns.name_key.NameKeyField(help_text='Sorts like the file name, naturally.', null=True),
        ),
        migrations.AddField(
            model_name='photo',
            name='upload_position',
            field=models.BigIntegerField(
                editable=False, help_text='Position given at upload: its time in microseconds.', null=True
            ),
        ),
        migrations.RunPython(fill_sort_columns, migrations.RunPython.noop, elidable=True),
    ]
