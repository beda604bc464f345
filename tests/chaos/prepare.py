"""Makes the database of a storm: tables, one user, his token (printed), a log of status changes."""

from __future__ import annotations

import sys

import django

NOTE = """
INSERT INTO chaos_change (job, old, new, attempt_before, attempt)
VALUES ({job}, old.status, new.status, old.attempt, new.attempt);
"""
WHEN = """
CREATE TRIGGER chaos_changes AFTER UPDATE OF status, attempt ON jobs_job {rows}
WHEN (old.status <> new.status OR old.attempt <> new.attempt)
"""
TABLE = """
CREATE TABLE chaos_change (id {number} PRIMARY KEY, job TEXT, old TEXT, new TEXT,
    attempt_before INTEGER, attempt INTEGER)
"""
SQLITE = [
    TABLE.format(number="INTEGER"),
    WHEN.format(rows="") + f"BEGIN {NOTE.format(job='new.id')} END",
]
# A row is locked when its change is numbered: for one job the numbers are in order of the commits.
POSTGRES = [
    TABLE.format(number="BIGSERIAL"),
    f"""
    CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN {NOTE.format(job="replace(new.id::text, '-', '')")} RETURN NULL; END $$
    """,
    WHEN.format(rows="FOR EACH ROW") + "EXECUTE FUNCTION chaos_note()",
]


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
        for statement in SQLITE if connection.vendor == "sqlite" else POSTGRES:
            cursor.execute(statement)


if __name__ == "__main__":
    main()
