"""Rename columns: ``args`` and ``kwargs`` as in Django's ``TaskResult``, and plain words.

Stop the site and the consumers while this runs: code of 0.1 does not know the new names. From 0.2
on every migration can be applied while the previous version runs.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        # An index on a renamed column is created again below.
        migrations.RemoveIndex("job", "jobs_job_waiting"),
        migrations.RemoveIndex("job", "jobs_job_turn"),
        # In this order: the name "args" is free only after its first rename.
        migrations.RenameField("job", "args", "kwargs"),
        migrations.RenameField("job", "positional", "args"),
        migrations.RenameField("job", "turn", "fair_position"),
        migrations.RenameField("job", "losses", "lost_count"),
        migrations.RenameField("consumer", "beat", "heartbeat"),
        migrations.RenameField("consumer", "beat_at", "heartbeat_at"),
        migrations.AddIndex(
            "job",
            models.Index(
                "queue",
                models.OrderBy(models.F("priority"), descending=True),
                "fair_position",
                "id",
                name="jobs_job_waiting",
                condition=models.Q(status="queued"),
            ),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                fields=["queue", "priority", "owner", "fair_position"],
                name="jobs_job_fair_position",
                condition=models.Q(status="queued"),
            ),
        ),
    ]
