"""Add what a token may do and until when. Tokens that are there can do everything, as before."""

from typing import Any

from django.db import migrations, models


def delete_restricted(apps: Any, schema_editor: Any) -> None:
    """On the way back: without these columns such a token could do everything, and for ever."""
    tokens = apps.get_model("jobs", "Token").objects.using(schema_editor.connection.alias)
    unrestricted = {"scopes": "", "tasks": "", "queues": "", "expires_at": None}
    tokens.exclude(**unrestricted).delete()


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_webhooks")]

    operations = [
        migrations.AddField(
            "token", "scopes", models.CharField(max_length=100, default="", db_default="", blank=True)
        ),
        migrations.AddField(
            "token", "tasks", models.TextField(default="", db_default="", blank=True)
        ),
        migrations.AddField(
            "token", "queues", models.TextField(default="", db_default="", blank=True)
        ),
        migrations.AddField("token", "expires_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("token", "replaced_at", models.DateTimeField(null=True)),
        migrations.RunPython(migrations.RunPython.noop, delete_restricted),
    ]
