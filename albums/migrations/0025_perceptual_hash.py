from django.db import migrations, models


class Migration(migrations.Migration):
    """Renames the class only: table, columns and indexes keep their names, so the version before can run beside this one."""

    dependencies = [("albums", "0024_saved_selection")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelTable("look", "albums_look"),
                migrations.RenameModel("Look", "PerceptualHash"),
                migrations.AlterField(
                    "perceptualhash",
                    "photo",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE,
                        primary_key=True,
                        related_name="perceptual_hash",
                        serialize=False,
                        to="albums.photo",
                    ),
                ),
            ]
        )
    ]
