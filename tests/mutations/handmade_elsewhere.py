"""Changes outside of the running of tasks, each with what a user would lose by it.

A file, the text that is replaced (the file has it once), what takes its place, the loss, and the
tests that notice it where no run of the line shows them: it runs when the file is imported.
"""

from __future__ import annotations

from typing import Final

from .handmade import Handmade

_Change = tuple[str, str, str, str] | tuple[str, str, str, str, tuple[str, ...]]
_ELSEWHERE: Final[tuple[_Change, ...]] = (
    # jobs/admin
    (
        "jobs/admin/queue.py",
        '            self.log_change(request, queue, f"Now {state}")\n',
        "",
        "queue pause without history",
    ),
    (
        "jobs/admin/consumer.py",
        "            self.log_change(request, consumer, text)\n",
        "            pass\n",
        "consumer request without history",
    ),
    (
        "jobs/admin/job.py",
        "                self.log_change(request, job, history_entry(outcome))\n",
        "                pass\n",
        "job action without history",
    ),
    # jobs/api
    (
        "jobs/api/exception_handlers.py",
        "error.public, _retry_after(error.retry_after)",
        "str(error), _retry_after(error.retry_after)",
        "driver's words in a 503 of the API",
    ),
    (
        "jobs/api/exception_handlers.py",
        "    return database_away(seconds)\n",
        ("    return ApiError(problems.UNAVAILABLE, str(error), _retry_after(seconds))\n"),
        "driver's words, database away",
    ),
    (
        "jobs/api/exception_handlers.py",
        "error.public, _retry_after(error.retry_after)",
        "error.public",
        "retry-after of API 503",
    ),
    (
        "jobs/api/exception_handlers.py",
        (
            '        f"The database cannot be used now. Try again in {seconds} s.",\n'
            "        _retry_after(seconds),"
        ),
        '        f"The database cannot be used now. Try again in {seconds} s.",',
        "retry-after of API database 503",
    ),
    (
        "jobs/api/endpoint.py",
        '    "Cache-Control": "private, no-cache",\n',
        "",
        "API answers cached",
    ),
    (
        "jobs/api/endpoint.py",
        '    "Vary": "Authorization, Cookie, Prefer",\n',
        "",
        "API without Vary",
    ),
    (
        "jobs/api/endpoint.py",
        '    "X-Content-Type-Options": "nosniff",\n',
        "",
        "API without nosniff",
    ),
    (
        "jobs/api/auth.py",
        "        _require_csrf(request)\n",
        "        pass\n",
        "session without CSRF",
    ),
    (
        "jobs/api/endpoint.py",
        "        require_scope(caller, asked.scope)\n",
        "        pass\n",
        "tokens without scopes",
    ),
    (
        "jobs/api/tokens.py",
        "                raise ExpiredToken\n",
        "                pass\n",
        "expired tokens",
    ),
    (
        "jobs/api/views/tokens.py",
        "        if own.covers(token.grant):\n",
        "        if True:\n",
        "a token replaces one that can do more",
    ),
    (
        "jobs/models/job.py",
        "    if limits is not None and not limits.allows(task, queue):\n",
        "    if False:\n",
        "jobs outside of a token's limits",
    ),
    (
        "jobs/submission/history.py",
        '    note_use(user, CHANGE_JOBS, did, f"job={job_id}", owner_id)\n',
        "    pass\n",
        "changes of others' jobs without a line in the log",
    ),
    (
        "jobs/web/views/tokens.py",
        '        response.headers["Cache-Control"] = "no-store"\n',
        "        pass\n",
        "a token in the browser's cache",
    ),
    (
        "jobs/api/etag.py",
        "    if version is None or not may_see(caller.user, job_id, owner, task, queue):",
        "    if version is None:",
        "other people's 304",
    ),
    (
        "jobs/api/long_poll.py",
        "return min(int(found[1]), MAX_WAIT)",
        "return int(found[1])",
        "waits as long as asked",
    ),
    (
        "jobs/core/server_threads.py",
        "        return threads // 4",
        "        return threads",
        "all threads may wait",
    ),
    (
        "jobs/api/views/job_output.py",
        ('        headers={"Content-Security-Policy": "sandbox; default-src \'none\'"},\n'),
        "",
        "artifact runs scripts",
    ),
    (
        "jobs/core/download.py",
        "        as_attachment=as_attachment,\n",
        "",
        "artifact shown in the browser",
    ),
    (
        "jobs/api/endpoint.py",
        'return _without_body(response) if request.method == "HEAD" else response',
        "return response",
        "HEAD with a body",
    ),
    (
        "jobs/api/tokens.py",
        "        if is_active(user):",
        "        if True:",
        "token of an inactive user",
    ),
    (
        "jobs/api/tokens.py",
        ("    if not holder.is_stale:\n        return\n"),
        "",
        "each poll writes the token's use",
    ),
    (
        "jobs/api/exception_handlers.py",
        "field_errors[:MAX_ERRORS]",
        "field_errors",
        "errors without a bound",
    ),
    (
        "jobs/api/long_poll.py",
        "            _occupied -= free",
        "            pass",
        "wait slot never freed",
    ),
    (
        "jobs/api/endpoint.py",
        "    marked: View = transaction.non_atomic_requests(view)",
        "    marked: View = view",
        "transaction around API requests",
        ("tests/integration/test_api_auth.py::test_atomic_requests_does_not_apply_to_the_api",),
    ),
    (
        "jobs/api/exception_handlers.py",
        "    got_request_exception.send(sender=None, request=request)\n",
        "",
        "failure without Django's signal",
    ),
    # jobs/brokers
    (
        "jobs/brokers/publisher.py",
        (
            "        if self._waiting.qsize() < MOST_WAITING:\n"
            "            self._put((queue, job_id))"
        ),
        "        self._put((queue, job_id))",
        "publisher's line unbounded",
    ),
    (
        "jobs/brokers/publisher.py",
        ("                time.sleep(RETRY_SECONDS)\n                self._try(batch)"),
        "                time.sleep(RETRY_SECONDS)",
        "no second try",
    ),
    (
        "jobs/brokers/publisher.py",
        ("            if not self._away:\n                logger"),
        ("            if True:\n                logger"),
        "away said each time",
    ),
    (
        "jobs/brokers/receiver.py",
        "        if self._port.wait_claimed(self._queue, WAIT_SECONDS):",
        ("        self._port.wait_claimed(self._queue, WAIT_SECONDS)\n        if True:"),
        "acknowledged before it is claimed",
    ),
    (
        "jobs/brokers/receiver.py",
        ("                self._keep_alive(source)\n                return\n"),
        ("                self._unread.popleft()\n                return\n"),
        "a message that was not taken in is lost",
    ),
    (
        "jobs/brokers/registry.py",
        "dict(pairs).items()",
        "list(dict(pairs).items())[:1]",
        "one notification for several queues",
    ),
    (
        "jobs/brokers/registry.py",
        ("        transaction.on_commit(partial(_notify, pairs), using=connection().alias)"),
        "        _notify(pairs)",
        "notify before the commit",
    ),
    (
        "jobs/brokers/message.py",
        "    if len(body) > limit:",
        "    if False:",
        "oversized message",
    ),
    (
        "jobs/brokers/message.py",
        "    if unknown:",
        "    if False:",
        "unknown keys taken",
    ),
    (
        "jobs/brokers/publisher.py",
        "            os.register_at_fork(after_in_child=self._reset)",
        "            pass",
        "fork keeps the parent's thread",
    ),
    (
        "jobs/brokers/publisher.py",
        "                atexit.register(self.flush, EXIT_SECONDS)\n",
        "                pass\n",
        "no flush at exit",
    ),
    # jobs/consumer
    (
        "jobs/consumer/queue_polls.py",
        ("        if self._requested_after[queue] < batch:\n            self._may"),
        ("        if True:\n            self._may"),
        "wake-up between plan and done lost",
    ),
    (
        "jobs/consumer/queue_polls.py",
        "            self._requested_after[queue] = self._batch\n",
        "            pass\n",
        "request not noted for its batch",
    ),
    (
        "jobs/consumer/queue_polls.py",
        "self._polled_by[queue] > before or",
        "self._polled_by[queue] >= before or",
        "poll_and_wait takes an older poll",
    ),
    (
        "jobs/consumer/queue_polls.py",
        "self._polled_by[queue] <= self._requested_after",
        "self._polled_by[queue] < self._requested_after",
        "pending off by one",
    ),
    (
        "jobs/consumer/slots.py",
        ("            self._signals.changed.notify_all()\n        if finished"),
        "        if finished",
        "claims delivered, nobody woken",
    ),
    (
        "jobs/consumer/slots.py",
        ("            self._signals.freed.notify_all()\n        self._signals.work.set()"),
        "            self._signals.freed.notify_all()",
        "writer not woken by an outcome",
    ),
    (
        "jobs/consumer/maintenance.py",
        "            if attempt.waits_longer_than(WAITED_SECONDS):",
        "            if False:",
        "jobs taken ahead never handed back",
    ),
    (
        "jobs/consumer/batch_writer.py",
        "            self._maintenance.notified()  # a retry",
        "            pass  # a retry",
        "retries two seconds late",
    ),
    (
        "jobs/consumer/maintenance.py",
        "            self._tick.hurry((due - now).total_seconds())",
        "            pass",
        "due date does not set the tick",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("                lifecycle.promote_due(now)\n            self._polls.request_poll()"),
        "                lifecycle.promote_due(now)",
        "no poll after promote",
    ),
    (
        "jobs/consumer/listener_thread.py",
        "                self._polls.request_poll(self._listener.queues)",
        "                pass",
        "wake-up not polled",
    ),
    (
        "jobs/consumer/listener_thread.py",
        "                self._maintenance.notified()",
        "                pass",
        "wake-up does not look for due jobs",
    ),
    (
        "jobs/consumer/slots.py",
        "return self._concurrency if short and self._polls.has_backlog() else 0",
        "return self._concurrency if short else 0",
        "prefetch without a backlog",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("            if rescued:\n                self._polls.request_poll()"),
        ("            if rescued:\n                pass"),
        "rescued jobs not polled",
    ),
    (
        "jobs/consumer/maintenance.py",
        "                self._rescue.hurry(0)",
        "                pass",
        "silent peer: rescue not hurried",
    ),
    (
        "jobs/consumer/slots.py",
        "            self._waiting.discard(queue)\n",
        "            pass\n",
        "a queue stays wanted with no thread waiting",
    ),
    (
        "jobs/consumer/slots.py",
        ('            logger.info("jobs are taken again")\n            self._polls.request_poll()'),
        '            logger.info("jobs are taken again")',
        "jobs not polled when quiet ends",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("            self._polls.request_poll()\n            self._tick.hurry(0)"),
        "            self._polls.request_poll()",
        "more due jobs than a chunk wait",
    ),
    (
        "jobs/consumer/queue_polls.py",
        ("            self._request(queues)\n        self._signals.work.set()"),
        "            self._request(queues)",
        "new queue polled late",
    ),
    (
        "jobs/consumer/maintenance.py",
        "        self._tick.hurry(TICK_SECONDS)\n",
        "",
        "cancels and limits looked at late",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("        if released:\n            self._polls.request_poll()"),
        ("        if released:\n            pass"),
        "unconfirmed claims released, not polled",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("                attempt.lose()\n            self._polls.request_poll()"),
        "                attempt.lose()",
        "reborn consumer does not poll",
    ),
    (
        "jobs/consumer/maintenance.py",
        ("        if self._sweep.is_due(early=early):\n            self._polls.request_poll()"),
        ("        if self._sweep.is_due(early=early):\n            pass"),
        "the table is never swept",
    ),
    (
        "jobs/consumer/slots.py",
        "                signals.work.set()\n",
        "                pass\n",
        "take does not ask for a poll",
    ),
    (
        "jobs/consumer/batch.py",
        "            written.stale_files += [replaced] if replaced else []\n",
        "",
        "files of replaced artifacts kept",
    ),
    (
        "jobs/consumer/batch.py",
        "            written.stale_files += [] if kept else [artifact.file]\n",
        "",
        "files of superseded attempts kept",
    ),
    (
        "jobs/consumer/batch.py",
        "    delete_files(written.stale_files)\n",
        "",
        "stale files deleted inside nothing",
    ),
    (
        "jobs/consumer/outcomes.py",
        "len(text.encode()) <=",
        "len(text) <=",
        "result's limit in characters",
    ),
    (
        "jobs/consumer/attempt.py",
        "clean(outcome.traceback)[-MAX_TRACEBACK:]",
        "clean(outcome.traceback)[:MAX_TRACEBACK]",
        "traceback cut at the wrong end",
    ),
    (
        "jobs/consumer/log_buffer.py",
        "{site_time(second):%H:%M:%S} ",
        (
            "{time.gmtime(second).tm_hour:02}:{time.gmtime(second).tm_min:02}:{time.g"
            "mtime(second).tm_sec:02} "
        ),
        "job log's times in UTC",
    ),
    (
        "jobs/consumer/hand_back.py",
        "return _free_attempts(claim) <= FREE_ATTEMPTS",
        "return True",
        "shortage hands back for ever",
    ),
    # jobs/core
    (
        "jobs/core/log_lines.py",
        "datetime.fromtimestamp(record.created, UTC).astimezone()",
        "datetime.fromtimestamp(record.created, UTC)",
        "console's times in UTC",
    ),
    (
        "jobs/core/storage.py",
        "        if failures == MAX_FAILURES:",
        "        if False:",
        "three failures of a service",
    ),
    # jobs/errors.py
    (
        "jobs/errors.py",
        "        return self._public\n",
        "        return str(self)\n",
        "driver's words in Unavailable.public",
    ),
    # jobs/lifecycle
    (
        "jobs/lifecycle/complete.py",
        "    notify_after_commit((claim.queue, claim.id) for claim in requeued)\n",
        "",
        "released job: nobody told",
    ),
    (
        "jobs/lifecycle/promote.py",
        "    notify_after_commit(promoted)\n",
        "",
        "promoted job: nobody told",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "    notify_after_commit([(job.queue, job.id)])\n",
        "    pass\n",
        "retried job: nobody told",
    ),
    (
        "jobs/lifecycle/prune.py",
        ("        transaction.on_commit(lambda: delete_files(files), using=connection().alias)\n"),
        "        delete_files(files)\n",
        "files deleted before the commit",
    ),
    (
        "jobs/lifecycle/progress.py",
        ("    return True, old.file if old is not None and old.file != stored.file else None"),
        "    return True, None",
        "replaced file not named",
    ),
    (
        "jobs/lifecycle/prune.py",
        "    deleted = Upload.objects.filter(pk__in=ids, uses=None).delete()[0]",
        "    deleted = Upload.objects.filter(pk__in=ids).delete()[0]",
        "upload deleted while a job uses it",
    ),
    (
        "jobs/lifecycle/prune.py",
        "Job.objects.filter(pk__in=ids, finished_at__lt=oldest)",
        "Job.objects.filter(pk__in=ids)",
        "retried job pruned",
    ),
    (
        "jobs/lifecycle/prune.py",
        "            Q(idempotency_key=None) | Q(created_at__lt=self._day_ago)",
        "            Q()",
        "idempotency key kept less than a day",
    ),
    (
        "jobs/lifecycle/file_gc.py",
        "if key not in finished_at or _is_old(finished_at[key], now)]",
        "]",
        "file gc of an unfinished job",
    ),
    (
        "jobs/lifecycle/file_gc.py",
        "    old = [file for file in files if _is_old(_modified_at(file), now)]",
        "    old = list(files)",
        "young files collected",
    ),
    (
        "jobs/lifecycle/cancel.py",
        ('cancel_requested=True, cancelled_by=by, version=F("version") + 1\n        ):'),
        ("cancel_requested=True, cancelled_by=by\n        ):"),
        "asked cancel does not change the version",
    ),
    (
        "jobs/lifecycle/cancel.py",
        "            finished_at=timezone.now(),\n",
        "",
        "cancelled job without an end",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        failures=0,\n",
        "",
        "retry keeps the failures",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        cancel_requested=False,\n",
        "",
        "retry keeps the cancel",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        warnings=None,\n",
        "",
        "retry keeps the warnings",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        progress_stage=None,\n",
        "",
        "retry keeps the stage",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        progress_done=None,\n",
        "",
        "retry keeps the progress",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        lost_count=0,\n",
        "",
        "retry keeps the losses",
    ),
    (
        "jobs/lifecycle/requeue.py",
        "        run_after=None,\n",
        "",
        "retry keeps the due time",
    ),
    (
        "jobs/lifecycle/requeue.py",
        ('        warnings=None,\n        version=F("version") + 1,\n'),
        "        warnings=None,\n",
        "retry does not change the version",
    ),
    (
        "jobs/lifecycle/outcome.py",
        "self.claim.failures + 1 >= self.claim.max_attempts",
        "self.claim.failures >= self.claim.max_attempts",
        "one attempt more than allowed",
    ),
    (
        "jobs/lifecycle/outcome.py",
        "backoff_seconds(self.claim.failures + 1)",
        "backoff_seconds(self.claim.failures)",
        "first pause twice",
    ),
    (
        "jobs/lifecycle/rescue.py",
        "charged=job is poison_job)",
        "charged=False)",
        "poison job never charged",
    ),
    (
        "jobs/lifecycle/rescue.py",
        "        pause=poison_jobs.requeue_pause(job.lost_count + 1),\n",
        "",
        "lost jobs run again without a pause",
    ),
    (
        "jobs/lifecycle/progress.py",
        (
            '    if not _running(stored.id, stored.attempt).update(version=F("version'
            '") + 1):\n'
            "        return False, None\n"
        ),
        '    Job.objects.filter(pk=stored.id).update(version=F("version") + 1)\n',
        "artifact of an ended attempt kept",
    ),
    (
        "jobs/lifecycle/progress.py",
        "update.message[:300]",
        "update.message",
        "progress message of any length",
    ),
    (
        "jobs/lifecycle/log_chunks.py",
        "return self.size <= MAX_SIZE",
        "return True",
        "log over what columns hold",
    ),
    (
        "jobs/lifecycle/progress.py",
        'changes: dict[str, object] = {"version": F("version") + 1}',
        'changes: dict[str, object] = {"progress_done": F("progress_done")}',
        "update does not change the version",
    ),
    (
        "jobs/lifecycle/claim.py",
        "(-row.priority, row.fair_position",
        "(row.priority, row.fair_position",
        "claims returned worst first",
    ),
    (
        "jobs/lifecycle/complete.py",
        '        error_type=outcome.error_type if shows_error else "",',
        "        error_type=outcome.error_type,",
        "released job shows an error",
    ),
    (
        "jobs/lifecycle/rescue.py",
        "if (job.id, job.attempt) in unknown]",
        "]",
        "unconfirmed: all of mine released",
    ),
    (
        "jobs/lifecycle/promote.py",
        '.order_by("run_after", "id")[:CHUNK]',
        '.order_by("run_after", "id")',
        "promoted in any number",
    ),
    (
        "jobs/lifecycle/cancel.py",
        ("    by = by[:MAX_NAME]\n    # Between"),
        "    # Between",
        "cancelled name too long",
    ),
    (
        "jobs/lifecycle/promote.py",
        "        positions[lane] += 1\n",
        "",
        "fair position of a lane not raised",
    ),
    (
        "jobs/lifecycle/complete.py",
        "for outcome, key in ended if key in written))",
        "for outcome, key in ended))",
        "counters not written for late outcomes",
    ),
    (
        "jobs/lifecycle/group_commit.py",
        "            self._pending = rows + self._pending\n",
        "            pass\n",
        "after a conflict each row that waits is a commit of its own",
    ),
    (
        "jobs/lifecycle/prune.py",
        (
            "    transaction.on_commit(lambda: delete_files(unused), using=connection"
            "().alias)\n"
            "    return deleted"
        ),
        ("    delete_files(unused)\n    return deleted"),
        "upload's file deleted before the commit",
    ),
    # uploads that come in pieces
    (
        "jobs/submission/resumable/pieces.py",
        "filter(pk=upload.pk, stored=begin, is_complete=False)",
        "filter(pk=upload.pk, is_complete=False)",
        "two requests with one piece: both count",
    ),
    (
        "jobs/submission/resumable/pieces.py",
        "            if size and not isinstance(failure, TooLarge):",
        "            if size and failure is None:",
        "what came before the connection broke is not kept",
    ),
    (
        "jobs/submission/resumable/pieces.py",
        "            if size and not isinstance(failure, TooLarge):",
        "            if size:",
        "bytes of a body that is too long are kept",
    ),
    (
        "jobs/submission/resumable/pieces.py",
        "expected.update(stored=end, expires_at=expires_at)",
        "expected.update(stored=end)",
        "an upload that goes on is deleted after its first day",
    ),
    (
        "jobs/submission/resumable/pieces.py",
        "        delete_files([stored])\n",
        "",
        "the piece that lost stays in the storage",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "        if piece.offset != end:\n            break\n",
        "",
        "an upload with a gap is completed",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "    if size != piece.size:\n        raise _Damaged(piece.offset)\n",
        "",
        "an upload with a piece that was cut is completed, or never",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "        ResumableUpload.objects.filter(pk=upload.pk).update(joining_until=None)",
        "        pass",
        "a client waits for two minutes after the storage was away",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "        Q(joining_until=None) | Q(joining_until__lt=now),\n",
        "",
        "several requests join the pieces at once",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "pk=upload.pk, stored=upload.length, is_complete=False\n        )\n        is_ours",
        "pk=upload.pk, stored=upload.length\n        )\n        is_ours",
        "the second of two that join an upload fails with a 500",
    ),
    (
        "jobs/submission/resumable/joining.py",
        "    delete_files(superfluous)\n",
        "",
        "the pieces stay in the storage beside the file",
    ),
    (
        "jobs/submission/resumable/rows.py",
        "pk=key, owner_id=owner.pk, expires_at__gt=timezone.now()",
        "pk=key, expires_at__gt=timezone.now()",
        "anybody may add to an upload",
    ),
    (
        "jobs/submission/resumable/rows.py",
        "upload = Upload.objects.usable_by(owner).filter(pk=key, owner_id=owner.pk).first()",
        "upload = Upload.objects.filter(pk=key).first()",
        "anybody may delete an upload",
    ),
    (
        "jobs/api/views/resumable.py",
        "    if offset != upload.stored:\n",
        "    if offset > upload.stored:\n",
        "a piece that was sent twice is in the file twice",
    ),
    (
        "jobs/api/views/resumable.py",
        "    upload = _own_upload(caller, upload_id)\n    resumable.finish(upload)\n",
        "    upload = _own_upload(caller, upload_id)\n",
        "an upload whose last request failed is never completed",
    ),
    (
        "jobs/lifecycle/resumable_uploads.py",
        "rows.filter(expires_at__lt=expired_at).select_for_update",
        "rows.select_for_update",
        "an upload is deleted while it goes on",
    ),
    (
        "jobs/lifecycle/file_gc.py",
        "strays += [file for file in pieces if file not in known]",
        "strays += list(pieces)",
        "pieces of an upload of which nothing came for a day are deleted",
    ),
    (
        "jobs/submission/uploads.py",
        "        begun = begun.filter(owner_id=owner.pk)\n",
        "        pass\n",
        "everybody hears how much of an upload is there",
    ),
    # jobs/queries
    (
        "jobs/queries/consumer_state.py",
        "    if silence > timedelta(seconds=get_conf().lease_seconds):",
        "    if silence > timedelta(seconds=get_conf().lease_seconds * 100):",
        "silent consumer is alive",
    ),
    (
        "jobs/queries/waiting_reason.py",
        "    if Queue.objects.filter(name=job.queue, paused=True).exists():",
        "    if False:",
        "paused queue not the reason",
    ),
    (
        "jobs/queries/waiting_reason.py",
        "        | same & Q(fair_position__lt=job.fair_position)\n",
        "",
        "jobs ahead without the fair position",
    ),
    (
        "jobs/queries/logs.py",
        "        text, start = text[line:], start + line\n",
        "        text = text[line:]\n",
        "log page off at a cut",
    ),
    (
        "jobs/queries/logs.py",
        "folded in line.casefold()]",
        "text in line]",
        "log search is case sensitive",
    ),
    # jobs/submission
    (
        "jobs/submission/uploads.py",
        "            delete_files([target])\n",
        "            pass\n",
        "half an upload stays",
    ),
    (
        "jobs/submission/uploads.py",
        ("    except BaseException:\n        delete_files([upload.file])"),
        ("    except BaseException:\n        pass"),
        "upload's file stays when its row fails",
    ),
    (
        "jobs/submission/existing.py",
        "if job is not None and job.idempotency_digest != options.request_digest:",
        "if False:",
        "same key, another request",
    ),
    (
        "jobs/submission/existing.py",
        "Job.objects.filter(owner_id=owner.pk, idempotency_key",
        "Job.objects.filter(idempotency_key",
        "key of another owner",
    ),
    (
        "jobs/submission/submit.py",
        "        require_permission(task, owner)\n",
        "        pass\n",
        "permission not required",
    ),
    (
        "jobs/submission/uploads.py",
        "        rows = rows.usable_by(owner)\n",
        "        pass\n",
        "uploads of others",
    ),
    (
        "jobs/submission/submit.py",
        ("    if result.created:\n        send_task"),
        ("    if True:\n        send_task"),
        "signal for a repeat",
    ),
    (
        "jobs/submission/backlog.py",
        "                _known[limit.key].added += granted\n",
        "                pass\n",
        "backlog not counted between reads",
    ),
    (
        "jobs/submission/submit.py",
        "                if existing is None:\n                    raise\n",
        "                raise\n",
        "repeat refused by a full queue",
    ),
    (
        "jobs/submission/retry.py",
        "        require_permission(task, user)\n",
        "        pass\n",
        "retry without permission",
    ),
    (
        "jobs/submission/uploads.py",
        "    if len(ids) > MOST_FILES:",
        "    if False:",
        "too many files",
    ),
    (
        "jobs/submission/uploads.py",
        '.replace("\\\\", "/").rpartition("/")[2]',
        "",
        "client's path in a name",
    ),
    (
        "jobs/submission/database_errors.py",
        "        reconnect_after(error)\n",
        "",
        "no reconnection after a standby",
    ),
    (
        "jobs/submission/submit.py",
        (
            "                existing_by_idempotency_key(options, owner)\n"
            "                or existing_by_unique_slot(job)"
        ),
        "                existing_by_unique_slot(job)",
        "key that came in between",
    ),
    (
        "jobs/submission/permissions.py",
        ("    if not is_active(user):\n        return False\n"),
        "",
        "inactive user's permission",
    ),
    (
        "jobs/submission/task_result.py",
        "        if attempt.outcome in SHOWN\n",
        "",
        "errors of released attempts shown",
    ),
    # jobs/web
    (
        "jobs/web/access.py",
        ('        response.headers.setdefault("Cache-Control", "private, no-cache")\n'),
        "",
        "Cache-Control of signed-in pages",
    ),
    (
        "jobs/web/access.py",
        '            response.headers["Retry-After"] = str(error.retry_after)\n',
        "",
        "Retry-After of a page's 503 (Unavailable)",
    ),
    (
        "jobs/web/database_away.py",
        '    response.headers["Retry-After"] = str(seconds)\n',
        "",
        "Retry-After of a page's 503 (database)",
    ),
    (
        "jobs/web/access.py",
        '"Not available now", error.public)',
        '"Not available now", str(error))',
        "driver's words on a page",
    ),
    (
        "jobs/web/views/actions.py",
        ("        messages.warning(request, error.public, fail_silently=True)\n    return"),
        ("        messages.warning(request, str(error), fail_silently=True)\n    return"),
        "driver's words after a button",
    ),
    (
        "jobs/web/views/actions.py",
        "refusals[error.public] += 1",
        "refusals[str(error)] += 1",
        "driver's words after a bulk button",
    ),
    (
        "jobs/web/views/actions.py",
        ("@require_POST\ndef cancel"),
        "def cancel",
        "GET cancels a job",
    ),
    (
        "jobs/web/views/actions.py",
        ("@require_POST\ndef retry"),
        "def retry",
        "GET retries a job",
    ),
    (
        "jobs/web/views/actions.py",
        ("@require_POST\ndef bulk"),
        "def bulk",
        "GET does many",
    ),
    (
        "jobs/web/views/job.py",
        ('"Cache-Control": "no-store"})\n\n\ndef _context'),
        ("})\n\n\ndef _context"),
        "live page cached",
    ),
    (
        "jobs/web/views/job.py",
        ('headers={"ETag": etag, "Cache-Control": "no-store"})\n    context'),
        ('headers={"ETag": etag})\n    context'),
        "304 of live page cached",
    ),
    (
        "jobs/web/views/jobs.py",
        ', "Cache-Control": "no-store"}\n',
        "}\n",
        "rows of a list cached",
    ),
    (
        "jobs/web/views/downloads.py",
        "; style-src 'unsafe-inline'; sandbox\"",
        '"',
        "pictures may run scripts",
    ),
    (
        "jobs/web/views/actions.py",
        "address if allowed and address.startswith(jobs) else jobs",
        "address or jobs",
        "back to another site",
    ),
    (
        "jobs/web/access.py",
        '    if "HX-Request" in request.headers:',
        "    if False:",
        "poll of a signed-out page follows the redirect",
    ),
    (
        "jobs/models/job.py",
        '        if has_right(user, VIEW_JOBS):\n            note_use(user, VIEW_JOBS, "list")\n',
        "        if True:\n",
        "list shows everyone's jobs to anyone",
    ),
    (
        "jobs/web/views/actions.py",
        "        if not may_see(request.user, job.id, job.owner_id, job.task, job.queue):\n",
        "        if False:\n",
        "bulk on other people's jobs",
    ),
    (
        "jobs/web/views/downloads.py",
        "Upload.objects.filter(uses__job_id=job.pk)",
        "Upload.objects.all()",
        "upload of another job downloadable",
    ),
    (
        "jobs/web/access.py",
        "            require_same_file()\n",
        "",
        "replaced database file served",
    ),
)
_LISTS: Final[tuple[_Change, ...]] = (
    (
        "jobs/lifecycle/requeue.py",
        "    return rows.in_versions(versions).update(\n",
        "    return rows.update(\n",
        "retry of another version than was seen",
    ),
    (
        "jobs/lifecycle/cancel.py",
        "        rows = Job.objects.filter(pk=job_id).in_versions(versions)\n",
        "        rows = Job.objects.filter(pk=job_id)\n",
        "cancel of another version than was seen",
    ),
    (
        "jobs/queries/job_list/page.py",
        "    return Page(found, None if chosen.floor is None else _place(chosen.floor, sort))",
        "    return Page(found, None)",
        "jobs beyond the first ten thousand never listed",
    ),
    (
        "jobs/api/views/job_list.py",
        '        digest.update(f"\\n{job.id.hex}-{job.version}".encode("ascii"))\n',
        '        digest.update(f"\\n{job.id.hex}".encode("ascii"))\n',
        "304 for a list whose jobs have changed",
    ),
    (
        "jobs/submission/upload_keys.py",
        "            digest.update(chunk)\n            yield chunk",
        "            yield chunk",
        "another file taken for a repeat",
    ),
    (
        "jobs/lifecycle/prune.py",
        "        delete_keys_of_gone(ids)\n",
        "",
        "keys of uploads that are gone kept for good",
    ),
)
ELSEWHERE: Final = tuple(Handmade(*one) for one in (*_ELSEWHERE, *_LISTS))
