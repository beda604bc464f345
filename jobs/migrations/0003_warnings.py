"""Add what a task says about its work besides its progress: the stage it is in, and warnings."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_field_names")]

    operations = [
        migrations.AddField("job", "progress_stage", models.JSONField(null=True)),
        migrations.AddField("job", "warnings", models.JSONField(null=True)),
    ]
