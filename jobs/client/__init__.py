"""A client of the JSON API, for programs that have no Django.

``Desk("https://jobs.example.com", token).submit("webapp.square", n=7).result(timeout=30)``. It
needs httpx (the extra ``client``), and neither Django nor its settings. ``AsyncDesk`` has the same
calls for an event loop.
"""

from .async_desk import AsyncDesk
from .async_job import AsyncJob
from .catalog import Task
from .desk import Desk
from .errors import (
    Conflict,
    CursorExpired,
    DeskError,
    Forbidden,
    Invalid,
    JobCancelled,
    JobFailed,
    NotAuthenticated,
    NotFound,
    Problem,
    Redirected,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    Untrusted,
)
from .job import Job
from .job_fields import Artifact, JobError

__all__ = [
    "Artifact",
    "AsyncDesk",
    "AsyncJob",
    "Conflict",
    "CursorExpired",
    "Desk",
    "DeskError",
    "Forbidden",
    "Invalid",
    "Job",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "NotAuthenticated",
    "NotFound",
    "Problem",
    "Redirected",
    "Task",
    "TimedOut",
    "TooLarge",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
    "Untrusted",
]
