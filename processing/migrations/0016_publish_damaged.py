from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("processing", "0015_skipped_uploads")]

    operations = [
        migrations.AddField(
            model_name="processingjob",
            name="publish_damaged",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A person wants it published as far as it can be decoded.",
            ),
        ),
    ]
