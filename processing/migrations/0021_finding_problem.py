from django.db import migrations, models


class Migration(migrations.Migration):
    """Renames the field only: the column keeps its name, so the version before can run beside this one."""

    dependencies = [("processing", "0020_labels")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("finding", "finding_trouble_known"),
                migrations.RenameField("finding", "trouble", "problem"),
                migrations.AlterField(
                    "finding",
                    "problem",
                    models.CharField(
                        choices=[("missing", "missing"), ("corrupt", "damaged")], db_column="trouble", max_length=10
                    ),
                ),
                migrations.AddConstraint(
                    "finding",
                    models.CheckConstraint(
                        condition=models.Q(("problem__in", ["missing", "corrupt"])), name="finding_trouble_known"
                    ),
                ),
            ]
        )
    ]
