"""The example project's tests in Django's own way."""

from asgiref.sync import sync_to_async
from django.test import TestCase, TransactionTestCase

from jobs.testing import JobsTestMixin, adrain, travel
from shop import tasks
from shop.scenarios import Drains, Eager


class InATransaction(JobsTestMixin, Drains, TestCase):
    """``TestCase``."""


class WithoutATransaction(JobsTestMixin, Drains, TransactionTestCase):
    """``TransactionTestCase``."""


class EagerInATransaction(JobsTestMixin, Eager, TestCase):
    """``TestCase``."""


class EagerWithoutATransaction(JobsTestMixin, Eager, TransactionTestCase):
    """``TransactionTestCase``."""


class Async(JobsTestMixin, TestCase):
    """Tests that are coroutines."""

    async def test_a_drain(self):
        await tasks.add.aenqueue("lamp")
        await tasks.count.aenqueue()
        assert len((await adrain()).succeeded) == 2

    async def test_an_eager_coroutine(self):
        result = await tasks.count.using(backend="eager").aenqueue()
        assert result.return_value == 1
        assert await sync_to_async(self.enqueued)() == []


class SharedData(JobsTestMixin, TestCase):
    """What ``setUpTestData`` makes is there in each test."""

    @classmethod
    def setUpTestData(cls):
        cls.upload = cls.make_upload("a,b", name="list.csv")
        tasks.read.enqueue(cls.upload)

    def test_a_job_that_is_there(self):
        assert self.drain()[0].result == "list.csv: a,b"

    def test_a_job_that_is_there_again(self):
        assert self.perform(tasks.read, self.upload).result == "list.csv: a,b"
        assert self.drain()[0].result == "list.csv: a,b"


class Clock(JobsTestMixin, TestCase):
    """The clock of one test is not that of the next."""

    def test_a_move_ends_with_the_test(self):
        self.travel(days=400)
        tasks.now.enqueue()
        assert self.drain()[0].result.startswith("20")

    def test_another_test(self):
        from datetime import UTC, datetime

        from django.utils import timezone

        assert abs((timezone.now() - datetime.now(UTC)).total_seconds()) < 3600
        with travel(days=1):
            assert (timezone.now() - datetime.now(UTC)).days >= 0
