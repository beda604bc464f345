"""The calls about jobs and their files."""

from __future__ import annotations

from typing import Final

from jobs.api import problems as p

from .call import API, AS_YOU, BYTES, JSON, TEXT, Answer, Call, answers

_JOB: Final = f"{API}/jobs/{{id}}"
_JOB_BACK: Final = ("Location", "Retry-After")
_CHANGED: Final = ("Location", "ETag", "Retry-After")
_NEWS: Final = ("ETag", "Retry-After", "Preference-Applied")

JOB_CALLS: Final = (
    Call(
        id="submitJob",
        method="post",
        path=f"{API}/jobs",
        summary="Hand in a job",
        description="The job is recorded and answered at once; it runs later. With an "
        "Idempotency-Key a request can be repeated safely: the same JSON gets the first job.",
        parameters=("IdempotencyKey",),
        body=JSON,
        answers=answers(
            s202=Answer("Handed in.", "Job", _JOB_BACK),
            s200=Answer("It was there before: same key.", "Job", _JOB_BACK),
        ),
        problems=(
            p.MALFORMED,
            p.FORBIDDEN,
            p.UNKNOWN_TASK,
            p.IDEMPOTENCY_CONFLICT,
            p.LENGTH_REQUIRED,
            p.TOO_LARGE,
            p.MEDIA_TYPE,
            p.INVALID,
            p.QUEUE_FULL,
        ),
        curl=f"""{AS_YOU} -H "Content-Type: application/json" \\
  -d '{{"task": "webapp.square", "args": {{"n": 7}}}}' $DESK{API}/jobs""",
    ),
    Call(
        id="listJobs",
        method="get",
        path=f"{API}/jobs",
        summary="List jobs, newest first",
        description='One\'s own; staff see all. Follow the `Link` with `rel="next"`.',
        parameters=("status", "task", "queue", "q", "limit", "cursor"),
        answers=answers(s200=Answer("One page.", "JobList", ("Link",))),
        problems=(p.INVALID,),
        curl=f'{AS_YOU} "$DESK{API}/jobs?status=failed&limit=20"',
    ),
    Call(
        id="getJob",
        method="get",
        path=_JOB,
        summary="Look at a job",
        description="Poll with `If-None-Match`: 304 costs next to nothing. `Prefer: wait=N` "
        "waits for the end of the job or, with `If-None-Match`, for any change.",
        parameters=("id", "IfNoneMatch", "Prefer"),
        answers=answers(
            s200=Answer("The job.", "Job", _NEWS),
            s304=Answer("Nothing has changed.", None, _NEWS),
        ),
        problems=(p.NOT_FOUND,),
        curl=f'{AS_YOU} -H "Prefer: wait=20" $DESK{API}/jobs/$ID',
    ),
    Call(
        id="cancelJob",
        method="post",
        path=f"{_JOB}/cancel",
        summary="Cancel a job",
        parameters=("id",),
        answers=answers(
            s200=Answer("It was waiting, and is cancelled.", "Job", ("Location", "ETag")),
            s202=Answer("It runs, and was asked to stop.", "Job", _CHANGED),
        ),
        problems=(p.NOT_FOUND, p.CONFLICT),
        curl=f"{AS_YOU} -X POST $DESK{API}/jobs/$ID/cancel",
    ),
    Call(
        id="retryJob",
        method="post",
        path=f"{_JOB}/retry",
        summary="Run a failed or cancelled job again",
        parameters=("id",),
        answers=answers(s202=Answer("It waits.", "Job", _CHANGED)),
        problems=(p.FORBIDDEN, p.NOT_FOUND, p.CONFLICT),
        curl=f"{AS_YOU} -X POST $DESK{API}/jobs/$ID/retry",
    ),
    Call(
        id="getLog",
        method="get",
        path=f"{_JOB}/log",
        summary="Read a job's log",
        description="At most 65,536 characters at once; go on at `X-Next-Offset`.",
        parameters=("id", "offset"),
        answers=answers(s200=Answer("A piece of it.", "Text", ("X-Next-Offset",), TEXT)),
        problems=(p.NOT_FOUND, p.INVALID),
        curl=f'{AS_YOU} "$DESK{API}/jobs/$ID/log?offset=0"',
    ),
    Call(
        id="getArtifact",
        method="get",
        path=f"{_JOB}/artifacts/{{name}}",
        summary="Download a file of a job",
        parameters=("id", "artifact"),
        answers=answers(
            s200=Answer("The file, as an attachment.", "Bytes", ("Content-Disposition",), BYTES)
        ),
        problems=(p.NOT_FOUND,),
        curl=f"{AS_YOU} -OJ $DESK{API}/jobs/$ID/artifacts/result.json",
    ),
    Call(
        id="upload",
        method="post",
        path=f"{API}/uploads",
        summary="Send a file for an argument",
        description='The raw bytes. An argument then says `{"upload": "<id>"}`. What no job '
        "uses within a day is deleted.",
        parameters=("uploadName",),
        body=BYTES,
        answers=answers(s201=Answer("Stored.", "Upload")),
        problems=(p.MALFORMED, p.LENGTH_REQUIRED, p.TOO_LARGE, p.MEDIA_TYPE),
        curl=f'{AS_YOU} --data-binary @access.log "$DESK{API}/uploads?name=access.log"',
    ),
)
