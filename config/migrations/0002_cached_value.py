from django.db import migrations, models


class Migration(migrations.Migration):
    """The cache gets a table. The one of failed sign-ins is no longer known, but stays: the version before, which may still run
    beside this one, reads it. A later migration drops it (docs/upgrading.md)."""

    dependencies = [
        ("config", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CachedValue",
            fields=[
                ("key", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("value", models.TextField(help_text="JSON")),
                (
                    "expires_at",
                    models.FloatField(db_index=True, help_text="Seconds since 1970; infinity for values that do not expire."),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="FailedSignIn")]),
    ]
