"""What does not apply to our backend, and why. A test that is listed here must fail."""

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
"""Tests of Django that fail."""

DJANGO_LEFT_OUT: Final = {
    "tasks.test_immediate_backend.ImmediateBackendTransactionTestCase"
    ".test_doesnt_wait_until_transaction_commit_by_default": "it waits in a transaction for a task"
    " that runs after the commit",
}
"""Tests of Django that would never end."""
