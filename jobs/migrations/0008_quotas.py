"""Find the scheduled jobs of a queue and of a user: they count as waiting."""

from django.db import migrations, models

from jobs.core.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0007_resumable_uploads")]

    operations = [
        AddIndexOnline(
            "job",
            models.Index(
                fields=["queue", "owner"],
                name="jobs_job_later",
                condition=models.Q(status="scheduled", priority__gte=-100),
            ),
        ),
        AddIndexOnline(
            "job",
            models.Index(
                fields=["owner"],
                name="jobs_job_later_owner",
                condition=models.Q(status="scheduled", owner__isnull=False),
            ),
        ),
    ]
