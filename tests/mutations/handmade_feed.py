"""Changes of the results feed, and of what tells those who wait for it, each with its loss."""

from __future__ import annotations

from typing import Final

from .handmade import Handmade

F: Final = "jobs/feed"
POSITION: Final = "jobs/lifecycle/feed_position.py"
WATCHER: Final = "jobs/api/news_watcher.py"
FEED: Final = "tests/integration/test_feed.py::test"
POSTGRES: Final = "tests/brokers/test_postgres_feed.py::test"
WATCHED: Final = "tests/integration/test_news_watcher.py::test"

OF_THE_FEED: Final = (
    Handmade(
        f"{F}/clock.py",
        "    return int(bound)\n",
        "    return EVERYTHING\n",
        "a reader passes by a job whose transaction commits late, and never gets it",
        (f"{POSTGRES}_two_transactions_that_commit_out_of_order_are_read_once_each",),
    ),
    Handmade(
        f"{F}/clock.py",
        "        _settle(db)\n",
        "        pass\n",
        "a job that ended while the first reader came is never read",
        (f"{POSTGRES}_who_ended_jobs_before_the_first_reader_came_is_waited_for",),
    ),
    Handmade(
        f"{F}/page.py",
        "(feed_position, id) > (%s, %s) AND feed_position < %s",
        "feed_position > %s AND %s IS NOT NULL AND feed_position < %s",
        "the rest of a transaction's jobs is left out at the end of a page",
        (f"{FEED}_jobs_of_one_transaction_are_split_over_pages",),
    ),
    Handmade(
        f"{F}/selection.py",
        "        if not self.everyone:\n",
        "        if False:\n",
        "everybody's jobs for everybody",
        (f"{FEED}_own_jobs_only_and_one_task",),
    ),
    Handmade(
        f"{F}/page.py",
        "    if is_cut:\n",
        "    if is_cut and end is None:\n",
        "a full page of a filter goes on behind what was not shown",
        (f"{FEED}_a_full_page_goes_on_inside_its_window",),
    ),
    Handmade(
        f"{F}/page.py",
        "replace(last, seen_until=now)",
        "last",
        "who follows a quiet feed loses their place when it is as old as the retention",
        (f"{FEED}_a_follower_of_a_quiet_feed_keeps_a_young_cursor",),
    ),
    Handmade(
        f"{F}/cursor.py",
        "    if cursor.seen_until < time.time() - days * _DAY:\n",
        "    if False:\n",
        "nobody is told that jobs were deleted before they had read them",
        (f"{FEED}_a_cursor_that_is_older_than_the_retention_says_so",),
    ),
    Handmade(
        f"{F}/cursor.py",
        "    if check != _check(packed):\n",
        "    if False:\n",
        "a cursor with a typing error is a place somewhere else",
        (f"{FEED}_a_cursor_with_a_wrong_character_is_refused",),
    ),
    Handmade(
        POSITION,
        '"sqlite": f"MAX({NOW[\'sqlite\']}, {_NEXT})"',
        '"sqlite": NOW["sqlite"]',
        "a job that ends after the clock was set back is not read by who is ahead",
        (f"{FEED}_a_clock_that_is_set_back_does_not_put_a_job_before_others",),
    ),
    Handmade(
        POSITION,
        "    WHERE server_started = pg_postmaster_start_time()\n",
        "",
        "after a restart of PostgreSQL from a copy jobs lie behind the cursors of all readers",
        (
            f"{POSTGRES}_a_cursor_stays_good_when_the_servers_transaction_numbers_begin_again",
            f"{POSTGRES}_a_clock_never_puts_a_job_before_those_that_are_there",
        ),
    ),
    Handmade(
        WATCHER,
        "            self._waits.add(wait)\n            self._has_new = True\n",
        "            self._waits.add(wait)\n",
        "who comes just after a job has ended waits in vain",
        (f"{WATCHED}_a_change_is_news_only_to_who_knows_the_version_before",),
    ),
    Handmade(
        WATCHER,
        "                except DATABASE_ERRORS:\n",
        "                except ZeroDivisionError:\n",
        "after an outage nobody who waits hears of anything",
        (f"{WATCHED}_it_goes_on_when_the_database_does",),
    ),
    Handmade(
        WATCHER,
        "                    self._look_again()\n",
        "",
        "what ended just before an outage is told only with the next change",
        (f"{WATCHED}_what_came_before_an_outage_is_told_after_it",),
    ),
    Handmade(
        WATCHER,
        "                    self._is_running = False\n                    logger",
        "                    logger",
        "after one moment without a thread nobody hears of anything",
        (f"{WATCHED}_without_a_thread_the_next_who_waits_gets_one",),
    ),
    Handmade(
        WATCHER,
        "            self._is_running = bool(self._waits)\n",
        "            self._is_running = bool(self._waits) or self._is_running\n",
        "a thread and its connection stay for ever after the last who waited",
        (f"{WATCHED}_each_hears_of_its_own_job_alone",),
    ),
)
