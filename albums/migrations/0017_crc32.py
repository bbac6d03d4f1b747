from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('albums', '0016_arranging'),
    ]

    operations = [
        migrations.AddField(
            model_name='photo',
            name='crc32',
            field=models.PositiveBigIntegerField(blank=True, editable=False, help_text='Of the original, for ZIP files. Empty if not read yet.', null=True, verbose_name='CRC-32'),
        ),
        migrations.AddField(
            model_name='companion',
            name='crc32',
            field=models.PositiveBigIntegerField(blank=True, help_text='For ZIP files.', null=True, verbose_name='CRC-32'),
        ),
        migrations.AddField(
            model_name='rendition',
            name='crc32',
            field=models.PositiveBigIntegerField(blank=True, help_text='For ZIP files.', null=True, verbose_name='CRC-32'),
        ),
    ]
