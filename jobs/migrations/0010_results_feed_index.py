"""Add the index by which the results feed is read."""

from django.db import migrations, models

from jobs.core.online_index import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('jobs', '0009_results_feed'),
    ]

    operations = [
        AddIndexOnline(
            model_name='job',
            index=models.Index(condition=models.Q(('feed_position__isnull', False)), fields=['feed_position', 'id'], name='jobs_job_feed'),
        ),
    ]
