"""What of other suites applies to our backend, what does not, and why."""

from __future__ import annotations

from typing import Final

_IMMEDIATE: Final = "tasks.test_immediate_backend.ImmediateBackendTestCase"
_DUMMY: Final = "tasks.test_dummy_backend.DummyBackendTestCase"

DJANGO: Final = {
    f"{_DUMMY}.test_refresh_result": "it changes a result in the memory of Django's backend",
    f"{_DUMMY}.test_refresh_result_async": "it changes a result in the memory of Django's backend",
    f"{_IMMEDIATE}.test_cannot_get_result": "our results can be read",
    f"{_IMMEDIATE}.test_cannot_refresh_result": "our results can be read again",
    f"{_IMMEDIATE}.test_cannot_pass_run_after": "our tasks can run later",
    f"{_IMMEDIATE}.test_throws_keyboard_interrupt": "a consumer is not ended by what its"
    " tasks raise",
}
"""Tests of Django that fail. One that is listed and passes is an error too."""

DJANGO_LEFT_OUT: Final = {
    "tasks.test_immediate_backend.ImmediateBackendTransactionTestCase"
    ".test_doesnt_wait_until_transaction_commit_by_default": "it waits in a transaction for a task"
    " that runs after the commit",
}
"""Tests of Django that would never end."""

TASKS_DB: Final = {
    "DatabaseBackendTestCase": (
        "async_get_missing_result async_invalid_uuid check doesnt_wait_until_transaction_commit"
        " enqueue_logs enqueue_task enqueue_task_async get_missing_result get_result"
        " get_result_async invalid_uuid refresh_result refresh_result_async run_after_tz"
        " using_correct_backend validate_on_aenqueue validate_on_enqueue"
    ).split(),
    "DatabaseBackendWorkerTestCase": (
        "batch_processes_all_tasks complex_exception complex_return_value context"
        " doesnt_process_different_queue failing_task no_tasks process_all_queues"
        " run_after run_enqueued_task takes_context worker_doesnt_exit_on_failure"
    ).split(),
}
"""Tests of django-tasks-db that apply, by class and without ``test_``; all of them must pass.

The others are about its own table (columns, constraints, locks, plans of queries, migrations), the
options, messages and process ids of its command ``db_worker`` (ours has tests in
``tests/processes``), its pruning command, its admin, and its option ``id_function``.
"""
