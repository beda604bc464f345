"""Add the position of an ended job in the results feed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0008_quotas'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='feed_position',
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='FeedClock',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('server_started', models.DateTimeField()),
                ('base', models.BigIntegerField()),
                ('is_settled', models.BooleanField(default=False)),
            ],
        ),
    ]
