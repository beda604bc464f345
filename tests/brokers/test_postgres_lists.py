"""Lists of jobs on PostgreSQL: the same as SQLite's (``tests/integration/test_job_list.py``)."""

from __future__ import annotations

from itertools import chain

import pytest

from jobs.queries.job_list import Sort, indexes
from tests.brokers.servers import Setup
from tests.factories import make_user
from tests.integration.listed_jobs import all_pages, expected, filters, make_jobs

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
    pytest.mark.usefixtures("setup"),
]


def test_every_list_is_whole_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_user()
    jobs = make_jobs(150, [ada, None])
    monkeypatch.setattr(indexes, "MOST_READ", 30)
    monkeypatch.setattr(indexes, "MOST_UNFINISHED", 30)
    for sort in Sort:
        for wanted in filters(jobs, ada.pk):
            found = chain.from_iterable(all_pages(wanted, sort, 40))
            assert list(found) == expected(jobs, wanted, sort), wanted
