"""Add uploads that come in pieces."""

import django.db.models.deletion
import jobs.core.uuid7
import jobs.models.user_key
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0006_consumer_requested'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ResumableUpload',
            fields=[
                ('id', models.UUIDField(default=jobs.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=255)),
                ('metadata', models.TextField(blank=True)),
                ('length', models.PositiveBigIntegerField()),
                ('stored', models.PositiveBigIntegerField(default=0)),
                ('is_complete', models.BooleanField(default=False)),
                ('joining_until', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('owner', models.ForeignKey(db_constraint=False, null=True, on_delete=jobs.models.user_key.set_null, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='UploadPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('offset', models.PositiveBigIntegerField()),
                ('size', models.PositiveBigIntegerField()),
                ('file', models.CharField(max_length=300)),
                ('upload', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='jobs.resumableupload')),
            ],
            options={
                'ordering': ('offset',),
                'constraints': [models.UniqueConstraint(fields=('upload', 'offset'), name='jobs_upload_piece')],
            },
        ),
    ]
