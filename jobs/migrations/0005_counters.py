"""Add what is counted of each task, for monitoring."""

from django.db import migrations, models

COUNTS = [
    "jobs_succeeded", "jobs_failed", "jobs_cancelled",
    "attempts_failed", "attempts_timed_out", "attempts_cancelled", "attempts_released",
    "attempts_lost", "attempts_died", "attempts_retried",
    *(f"wait_{number}" for number in range(12)),
    *(f"run_{number}" for number in range(12)),
]
SUMS = ["wait_seconds", "run_seconds"]


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_job_traceparent")]

    operations = [
        migrations.CreateModel(
            "Counter",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shard", models.UUIDField()),
                ("task", models.CharField(max_length=200)),
                ("queue", models.CharField(max_length=100)),
                ("updated_at", models.DateTimeField()),
                *((name, models.BigIntegerField(db_default=0)) for name in COUNTS),
                *((name, models.FloatField(db_default=0.0)) for name in SUMS),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("shard", "task", "queue"), name="jobs_counter_shard"
                    )
                ]
            },
        ),
    ]
