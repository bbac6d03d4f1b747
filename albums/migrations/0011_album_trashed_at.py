from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("albums", "0010_taken_from")]

    operations = [
        migrations.AddField(
            model_name="album",
            name="trashed_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Empty: it is not in the trash.",
                null=True,
                verbose_name="in the trash since",
            ),
        ),
    ]
