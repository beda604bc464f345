"""Add the id of the request that a job was submitted in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0010_results_feed_index")]

    operations = [
        migrations.AddField("job", "request_id", models.CharField(max_length=128, null=True)),
    ]
