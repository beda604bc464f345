"""Add webhooks, their deliveries, e-mails that are asked for, and how far endings were followed."""

import django.db.models.deletion
import django.utils.timezone
import jobs.core.uuid7
import jobs.models.user_key
import jobs.models.webhook
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("jobs", "0010_results_feed_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EmailRequest',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='email_request', serialize=False, db_constraint=False, to='jobs.job')),
                ('language', models.CharField(blank=True, default='', max_length=20)),
                ('site', models.CharField(blank=True, default='', max_length=300)),
                ('since_position', models.BigIntegerField(db_index=True, default=0)),
            ],
        ),
        migrations.CreateModel(
            name='FollowedEndings',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('position', models.BigIntegerField(default=0)),
                ('job_id', models.UUIDField(default=uuid.UUID('00000000-0000-0000-0000-000000000000'))),
            ],
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.UUIDField(default=jobs.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('everyone', models.BooleanField(default=False)),
                ('url', models.CharField(max_length=2000)),
                ('events', models.JSONField(default=list)),
                ('task', models.CharField(blank=True, default='', max_length=200)),
                ('secret', models.CharField(default=jobs.models.webhook.new_secret, editable=False, max_length=100)),
                ('old_secret', models.CharField(default='', editable=False, max_length=100)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('enabled', models.BooleanField(default=True)),
                ('disabled_reason', models.CharField(blank=True, default='', max_length=300)),
                ('failing_since', models.DateTimeField(null=True)),
                ('since_position', models.BigIntegerField(default=0)),
                ('site', models.CharField(blank=True, default='', max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('owner', models.ForeignKey(db_constraint=False, on_delete=jobs.models.user_key.cascade, related_name='job_webhooks', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
                'permissions': (('everyone_webhook', "Can have webhooks for everyone's jobs"),),
                'indexes': [models.Index(condition=models.Q(('enabled', True)), fields=['since_position'], name='jobs_webhook_since')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='webhook_delivery', serialize=False, db_constraint=False, to='jobs.job')),
                ('message', models.UUIDField(default=uuid.uuid4)),
                ('event', models.CharField(max_length=40)),
                ('subject', models.UUIDField(null=True)),
                ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, db_constraint=False, db_index=False, related_name='deliveries', to='jobs.webhook')),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'ordering': ('-job_id',),
                'indexes': [models.Index(fields=['webhook', 'job'], name='jobs_delivery_webhook')],
            },
        ),
    ]
