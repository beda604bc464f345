"""Remember with which Idempotency-Key an upload was sent."""

import jobs.models.user_key
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("jobs", "0013_lists"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='UploadKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('upload_id', models.UUIDField(db_index=True)),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=jobs.models.user_key.cascade, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('owner', 'key'), name='jobs_upload_key')],
            },
        ),
    ]
