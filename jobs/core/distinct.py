"""The distinct values of an indexed column of jobs, without reading every row."""

from __future__ import annotations

from typing import Final

from .db import connection

# A loose index scan: one index lookup for each value, where DISTINCT would read every row.
_VALUES: Final = """
WITH RECURSIVE names(name) AS (
    SELECT MIN({column}) FROM jobs_job WHERE {condition}
    UNION ALL
    SELECT (SELECT MIN({column}) FROM jobs_job WHERE {condition} AND {column} > names.name)
    FROM names WHERE names.name IS NOT NULL
)
SELECT name FROM names WHERE name IS NOT NULL LIMIT 200
"""


def distinct(column: str, condition: str) -> set[str]:
    """Return the values of a column, 200 at most.

    Args:
        column: one that an index begins with, among the rows of the condition.
        condition: SQL, the same as the index's.
    """
    with connection().cursor() as cursor:
        cursor.execute(_VALUES.format(column=column, condition=condition))
        return {str(row[0]) for row in cursor.fetchall()}
