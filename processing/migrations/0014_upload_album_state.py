from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("processing", "0013_upload_known")]

    operations = [
        migrations.RemoveIndex(model_name="upload", name="upload_album_state"),
    ]
