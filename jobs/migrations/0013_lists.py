"""Find the jobs with one error, and the uploads of a user from the newest on."""

from django.db import migrations, models

from jobs.core.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("jobs", "0012_tokens")]

    operations = [
        AddIndexOnline(
            "job",
            models.Index(
                fields=["error_type", "id"],
                name="jobs_job_error",
                condition=~models.Q(error_type=""),
            ),
        ),
        AddIndexOnline("upload", models.Index(fields=["owner", "id"], name="jobs_upload_owner")),
    ]
