"""Makes the database of a storm: tables, one user, his token (printed), a log of status changes."""

from __future__ import annotations

import sys

import django

TRIGGER = """
CREATE TRIGGER chaos_changes AFTER UPDATE OF status, attempt ON jobs_job
WHEN old.status <> new.status OR old.attempt <> new.attempt
BEGIN
    INSERT INTO chaos_change (job, old, new, attempt_before, attempt)
    VALUES (new.id, old.status, new.status, old.attempt, new.attempt);
END
"""


def main() -> None:
    """Prepare the database that the environment names."""
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from jobs.models import Token

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("storm", is_staff=True)
    sys.stdout.write(Token.objects.issue(user)[1])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE chaos_change (id INTEGER PRIMARY KEY, job TEXT, old TEXT, new TEXT,"
            " attempt_before INTEGER, attempt INTEGER)"
        )
        cursor.execute(TRIGGER)


if __name__ == "__main__":
    main()
