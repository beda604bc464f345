"""Add the trace that a job was submitted in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_warnings")]

    operations = [
        migrations.AddField("job", "traceparent", models.CharField(max_length=55, null=True)),
    ]
