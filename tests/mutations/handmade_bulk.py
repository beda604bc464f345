"""Changes of many jobs at once and of quotas, each with what a user would lose by it."""

from __future__ import annotations

from typing import Final

from .handmade import Handmade

_API: Final = "tests/integration/test_api_bulk.py::"
_SERVER: Final = "tests/unit/test_server_streaming.py::"

BULK: Final[tuple[Handmade, ...]] = (
    Handmade(
        "jobs/api/bulk.py",
        "return task, JsonArguments(arguments), None",
        "return task, arguments, None",
        'the text "7" becomes a number in a bulk, and nowhere else',
        (f"{_API}test_a_line_gets_the_problem_that_it_gets_alone",),
    ),
    Handmade(
        "jobs/api/bulk.py",
        'body["resume_from"] = first\n',
        'body["resume_from"] = first + 1\n',
        "who goes on as they are told loses a job",
        (f"{_API}test_the_lines_after_the_last_one_with_room_are_told_where_to_go_on",),
    ),
    Handmade(
        "jobs/api/ndjson.py",
        " and _SPACED_COLON.search(line) is None",
        "",
        "of two equal names in a line the last one counts, without a word",
        (f"{_API}test_the_quick_way_reads_what_the_strict_one_reads",),
    ),
    Handmade(
        "jobs/api/views/bulk.py",
        "return BESIDE_OTHERS if others > 0 and self._has_one_writer else BATCH",
        "return BATCH",
        "others wait four times as long for SQLite's lock",
        (f"{_API}test_batches_are_smaller_while_others_are_served",),
    ),
    Handmade(
        "jobs/core/spool.py",
        "            if self._error is not None:\n                raise self._error\n",
        "",
        "lines of a client that has left are recorded after that",
        (
            "tests/unit/test_spool.py::test_an_error_is_all_that_is_left",
            f"{_API}test_a_body_that_is_cut_off_records_what_was_answered_and_nothing_else",
        ),
    ),
    Handmade(
        "jobs/submission/bulk/batch.py",
        "            new, refused = _with_room(many, new, owner)\n",
        "            pass\n",
        "a bulk passes the backlog and every quota",
        (f"{_API}test_a_quota_of_the_user_stops_a_bulk_as_well",),
    ),
    Handmade(
        "jobs/submission/bulk/existing.py",
        "        if digest != keys.idempotency_digest:\n",
        "        if False:\n",
        "another line under a known number gets the job of the first",
        (f"{_API}test_a_bulk_with_a_key_can_be_repeated",),
    ),
    Handmade(
        "jobs/submission/limits.py",
        'Limit("minute", ("minute", key), rate,',
        'Limit("minute", ("minute", 0), rate,',
        "one who floods uses up the quota of all",
        (f"{_API}test_who_has_used_up_their_quota_leaves_others_theirs",),
    ),
    Handmade(
        "webapp/up/server/workers.py",
        "        if self._spool is not None and not piece:\n",
        "        if False:\n",
        "a client that sends nothing now keeps a core busy",
        (f"{_SERVER}test_a_client_that_sends_nothing_any_more_is_left",),
    ),
    Handmade(
        "webapp/up/server/http_connection.py",
        "                keep_alive = keep_alive and is_whole\n",
        "                pass\n",
        "the rest of a body is taken for the next request",
        (f"{_SERVER}test_an_application_may_want_no_more_of_it",),
    ),
)
