"""Add what an operator asks of a consumer process: to be quiet, or to stop."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0005_counters")]

    operations = [
        migrations.AddField(
            "consumer",
            "requested",
            models.CharField(blank=True, db_default="", default="", max_length=10),
        )
    ]
