"""What holds in the transaction of a ``TestCase`` and without one."""

import os
import threading
from datetime import date, timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from jobs.compat import task_finished
from jobs.conf import get_conf
from jobs.errors import InvalidArguments, InvalidOptions, NotAllowed
from jobs.lifecycle import set_paused
from jobs.models import Artifact, Consumer, Job
from jobs.submission import SubmitOptions, submit_job
from shop import tasks
from shop.models import Item


def names():
    """Return the names of all items."""
    return sorted(Item.objects.values_list("name", flat=True))


class Drains:
    """``drain`` and what tasks do in it."""

    def test_a_task_runs_and_all_that_it_reports_is_kept(self):
        result = tasks.add.enqueue("lamp", day=date(2026, 1, 2))
        (job,) = self.drain()
        result.refresh()
        assert result.return_value == {"name": "lamp", "day": "2026-01-02"}
        assert result.status == "SUCCESSFUL"
        assert names() == ["lamp"]
        assert (job.status, job.attempt, job.progress["message"]) == ("succeeded", 1, "half")
        log = self.read_log(job)
        assert [line[9:] for line in log.splitlines()] == [
            "adding lamp",
            "WARNING shop.tasks: logged",
            "told",
        ]
        assert self.read_artifact(job, "item.txt") == b"lamp"
        assert [one.outcome for one in job.attempts.all()] == ["succeeded"]
        with self.assertRaisesRegex(LookupError, r"\['item.txt'\]"):
            self.read_artifact(result, "other.txt")

    def test_nothing_is_left_of_the_consumer(self):
        before = set(threading.enumerate())
        tasks.add.enqueue("lamp")
        tasks.count.enqueue()
        self.drain()
        assert Consumer.objects.count() == 0
        # A coroutine's event loop had a thread of asgiref's, which ends after it.
        for thread in set(threading.enumerate()) - before:
            thread.join(30)
            assert not thread.is_alive()

    def test_a_coroutine_sees_the_items_of_the_test(self):
        Item.objects.create(name="of the test")
        result = tasks.count.enqueue()
        (job,) = self.drain()
        result.refresh()
        assert result.return_value == 2
        assert "counting" in self.read_log(job)

    def test_a_process_task_runs_here(self):
        tasks.process.enqueue()
        assert self.drain()[0].result == os.getpid()

    def test_the_best_runs_first(self):
        for n in range(3):
            tasks.child.using(priority=n).enqueue(n)
        tasks.plain.using(priority=1).enqueue(1)
        assert [job.priority for job in self.drain()] == [2, 1, 1, 0]

    def test_a_failure_keeps_what_was_committed_before_it(self):
        Item.objects.create(name="taken")
        result = tasks.twice.enqueue("taken")
        (job,) = self.drain().failed
        assert job.error_type == "django.db.utils.IntegrityError"
        assert names() == ["before", "taken"]
        result.refresh()
        frames = result.errors[0].traceback.rpartition("Traceback")[2]
        assert "tasks.py" in frames.splitlines()[1]

    def test_a_failure_undoes_the_transaction_of_the_task(self):
        Item.objects.create(name="taken")
        tasks.twice.enqueue("taken", in_atomic=True)
        assert len(self.drain().failed) == 1
        assert names() == ["before", "taken"]

    def test_a_caught_error_of_the_database_does_not_end_the_task(self):
        Item.objects.create(name="taken")
        tasks.twice.enqueue("taken", catch=True)
        tasks.twice.enqueue("after", catch=True, in_atomic=True)
        first, second = self.drain()
        assert (first.status, first.result) == ("succeeded", 3)
        assert (second.status, second.error_type) == ("failed", "django.db.utils.IntegrityError")
        assert names() == ["after", "before", "taken"]

    def test_a_broken_statement_does_not_break_the_test(self):
        tasks.broken_sql.enqueue()
        assert len(self.drain().failed) == 1
        assert names() == []

    def test_a_task_commits_as_in_a_consumer(self):
        tasks.after_commit.enqueue()
        (job,) = self.drain()
        assert job.error_message == ""
        assert job.result == ["at once", "inside", "committed", "False", "0"]

    def test_a_cursor_on_the_server(self):
        Item.objects.bulk_create([Item(name=name) for name in "abc"])
        tasks.iterate.enqueue()
        assert self.drain()[0].result == ["a", "b", "c"]
        assert names() == ["seen a", "seen b", "seen c"]

    def test_what_a_consumer_would_refuse_is_refused(self):
        tasks.without_atomic.enqueue()
        (job,) = self.drain()
        locks = connection.features.has_select_for_update
        assert job.status == ("failed" if locks else "succeeded")

    def test_an_open_transaction_fails_the_task(self):
        tasks.leave_open.enqueue()
        (job,) = self.drain()
        assert (job.status, job.error_type) == ("failed", "jobs.errors.TransactionLeftOpen")
        assert "transaction on default" in job.error_message
        assert names() == []

    def test_jobs_of_jobs_run_too(self):
        tasks.parent.enqueue()
        assert [job.task for job in self.drain()] == ["shop.parent", "shop.child", "shop.child"]

    def test_only_what_is_due_now(self):
        tasks.parent.enqueue()
        assert [job.task for job in self.drain(until_empty=False)] == ["shop.parent"]
        assert [one.args["n"] for one in self.enqueued(tasks.child)] == [0, 1]
        assert [job.result for job in self.drain(until_empty=False)] == [1, 0]

    def test_only_one_queue(self):
        tasks.parent.enqueue()
        assert len(self.drain("default")) == 1
        assert len(self.drain(["mail"], limit=1)) == 1
        assert len(self.drain(["mail"], until_empty=False, limit=1)) == 1
        assert len(self.drain()) == 0
        assert not self.drain()

    def test_a_limit(self):
        tasks.endless.enqueue()
        assert self.drain(limit=3).attempts == 3
        assert len(self.enqueued(tasks.endless)) == 1

    def test_a_paused_queue_is_left_alone(self):
        set_paused("mail", True)
        tasks.child.enqueue(1)
        later = timezone.now() + timedelta(hours=1)
        tasks.child.using(run_after=later).enqueue(2)
        tasks.plain.using(run_after=later + timedelta(hours=1)).enqueue(3)
        assert self.drain().attempts == 0
        assert [job.result for job in self.drain(with_scheduled=True)] == [5]
        set_paused("mail", False)
        assert self.drain().attempts == 1

    def test_a_task_that_cancels_itself(self):
        tasks.cancel_itself.enqueue()
        tasks.cancel_coroutine.enqueue()
        jobs = self.drain().cancelled
        assert [job.error_message for job in jobs] == ["cancelled by itself"] * 2
        assert jobs[0].progress_done is not None

    def test_a_cancel_that_someone_asked_for(self):
        tasks.obedient.enqueue()
        with self.cancel_requested("ada"):
            (job,) = self.drain()
        assert (job.status, job.error_message) == ("cancelled", "cancelled by ada")

    def test_a_time_limit(self):
        tasks.slow.enqueue()
        tasks.slow_coroutine.enqueue()
        failed = self.drain().failed
        assert [job.error_type for job in failed] == ["Timeout", "Timeout"]

    def test_a_retry_waits_for_its_time(self):
        tasks.flaky.enqueue(times=2)
        result = self.drain()
        assert (result.attempts, len(result.waiting)) == (1, 1)
        assert "failure 1" in repr(result)
        assert self.drain().attempts == 0
        with self.travel(minutes=1):
            assert self.drain().attempts == 1
        with self.travel(minutes=2):
            assert self.drain().succeeded[0].result == 3

    def test_retries_at_once(self):
        tasks.flaky.enqueue(times=2)
        tasks.flaky.enqueue(times=3)
        tasks.hopeless.enqueue()
        later = timezone.now() + timedelta(days=1)
        tasks.child.using(run_after=later).enqueue(1)
        result = self.drain(with_retries=True)
        assert result.attempts == 7
        assert [job.status for job in result] == ["succeeded", "failed", "failed"]
        assert len(self.enqueued()) == 1

    def test_a_policy_of_retries_and_a_folder(self):
        tasks.particular.enqueue()
        (job,) = self.drain().failed
        assert not Path(self.read_log(job).splitlines()[0][9:]).exists()

    def test_what_waits_for_a_time(self):
        start = timezone.now()
        for hours in (3, 2, 1):
            tasks.child.using(run_after=start + timedelta(hours=hours)).enqueue(hours)
        assert self.drain().attempts == 0
        assert [job.result for job in self.drain(with_scheduled=timedelta(minutes=90))] == [1]
        assert [job.result for job in self.drain(with_scheduled=start + timedelta(hours=2))] == [2]
        assert [job.result for job in self.drain(with_scheduled=True, until_empty=False)] == [3]

    def test_leaving_fails_the_job_alone(self):
        tasks.leave.enqueue()
        tasks.leave_loop.enqueue()
        tasks.add.enqueue("lamp")
        result = self.drain()
        assert [job.error_type for job in result.failed] == ["SystemExit", "SystemExit"]
        assert len(result.succeeded) == 1

    def test_results_that_do_not_fit(self):
        tasks.no_json.enqueue()
        tasks.large.enqueue()
        failed, large = self.drain()
        assert failed.error_type == "InvalidResult"
        assert (large.status, large.result) == ("succeeded", None)
        assert len(self.read_artifact(large, "result.json")) == 100_002

    def test_errors_are_raised_when_asked_for(self):
        tasks.add.enqueue("lamp")
        tasks.add.enqueue("lamp")
        with self.assertRaises(IntegrityError) as caught:
            self.drain(raise_errors=True)
        assert "adding lamp" in caught.exception.__notes__[0]
        assert Job.objects.filter(status="scheduled", failures=1).count() == 1
        assert Consumer.objects.count() == 0

    def test_an_error_gives_back_what_was_claimed(self):
        tasks.flaky.options(max_attempts=1).enqueue()
        tasks.child.enqueue(7)
        with self.assertRaisesRegex(ValueError, "failure 1"):
            self.drain(until_empty=False, raise_errors=True)
        assert self.drain()[0].result == 7

    def test_a_file(self):
        upload = self.make_upload("a,b", name="list.csv")
        tasks.read.enqueue(upload)
        assert self.drain()[0].result == "list.csv: a,b"
        assert not Artifact.objects.exists()

    def test_limits_hold(self):
        user = User.objects.create_user("ada")
        with self.assertRaises(NotAllowed):
            submit_job(tasks.now, {}, owner=user, enforce_limits=True)
        with self.assertRaisesRegex(InvalidOptions, "priority"):
            options = SubmitOptions(priority=50)
            submit_job(tasks.child, {"n": 1}, owner=user, options=options, enforce_limits=True)
        assert self.drain().attempts == 0

    def test_django_tasks(self):
        tasks.plain.enqueue(1, b=5)
        tasks.plain_attempt.enqueue(3)
        assert [job.result for job in self.drain()] == [6, [1, 3]]

    def test_the_signal_comes_when_the_row_says_so(self):
        seen = []

        def finished(task_result, **_):
            seen.append((task_result.status, Job.objects.get(pk=task_result.id).status))

        task_finished.connect(finished)
        try:
            tasks.flaky.enqueue(times=1)
            tasks.hopeless.enqueue()
            self.drain(with_retries=True)
        finally:
            task_finished.disconnect(finished)
        assert sorted(seen) == [("FAILED", "failed"), ("SUCCESSFUL", "succeeded")]

    def test_a_task_that_is_gone(self):
        result = tasks.add.enqueue("lamp")
        Job.objects.filter(pk=result.id).update(task="shop.gone", module_path="shop.tasks.gone")
        assert self.drain()[0].error_type == "UnknownTask"

    def test_nobody_is_told_of_a_job(self):
        assert get_conf().broker_url == "database://"
        with transaction.atomic():
            tasks.parent.enqueue()
        self.drain()
        assert "publisher" not in {thread.name for thread in threading.enumerate()}

    def test_files_are_kept_apart(self):
        assert get_conf().data_dir.name.startswith("jobs-test-")
        tasks.add.enqueue("lamp")
        self.drain()
        assert (get_conf().data_dir / "files").exists()


class Eager:
    """``EagerBackend``: no drain."""

    def test_it_runs_at_once(self):
        result = tasks.add.using(backend="eager").enqueue("lamp", day="2026-01-02")
        assert result.return_value == {"name": "lamp", "day": "2026-01-02"}
        assert result.status == "SUCCESSFUL"
        assert result.task.backend == "eager"
        job = Job.objects.get(pk=result.id)
        assert "adding lamp" in self.read_log(job)
        result.refresh()
        assert result.is_finished

    def test_it_validates(self):
        with self.assertRaisesRegex(InvalidArguments, "day"):
            tasks.add.using(backend="eager").enqueue("lamp", day="no day")
        assert not Job.objects.exists()

    def test_it_tries_again_at_once(self):
        assert tasks.flaky.using(backend="eager").enqueue(times=2).return_value == 3
        failed = tasks.flaky.using(backend="eager").enqueue(times=3)
        assert failed.status == "FAILED"
        assert [error.exception_class_path for error in failed.errors][-1].endswith("ValueError")
        assert len(failed.errors) == 3

    def test_it_waits_for_the_next_attempt_when_asked_to(self):
        result = tasks.flaky.using(backend="once").enqueue()
        assert (result.status, len(result.errors)) == ("READY", 1)

    def test_it_raises_when_asked_to(self):
        with self.assertRaisesRegex(ValueError, "failure 3"):
            tasks.flaky.using(backend="strict").enqueue(times=3)

    def test_it_runs_what_a_task_enqueues(self):
        result = tasks.nested.enqueue(2)
        assert result.return_value == 3
        assert "level 2" in self.read_log(result)
        assert "level 1" not in self.read_log(result)
        assert len(Job.objects.filter(status="succeeded")) == 3

    def test_what_is_for_later_waits(self):
        later = timezone.now() + timedelta(days=1)
        result = tasks.child.using(backend="eager", run_after=later).enqueue(1)
        assert result.status == "READY"
        with self.travel(days=1, seconds=1):
            self.drain()
        result.refresh()
        assert result.return_value == 1

    def test_many(self):
        ids = tasks.child.using(backend="eager").enqueue_many([{"n": 1}, {"n": 2}])
        assert [Job.objects.get(pk=one).result for one in ids] == [1, 2]

    def test_a_coroutine(self):
        assert tasks.count.using(backend="eager").enqueue().return_value == 1

    def test_a_task_of_djangos_own(self):
        assert tasks.plain.using(backend="eager").enqueue(1).return_value == 3
