"""Add the id of the request that a job was submitted in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0014_upload_keys")]

    operations = [
        migrations.AddField("job", "request_id", models.CharField(max_length=128, null=True)),
    ]
