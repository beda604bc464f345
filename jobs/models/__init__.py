"""The rows. A job's status is changed by ``jobs.lifecycle`` alone."""

from .files import Artifact, Upload, UploadUse
from .history import Attempt, LogChunk
from .job import Job
from .places import Consumer, QuarantinedMessage, Queue
from .token import Token

__all__ = [
    "Artifact",
    "Attempt",
    "Consumer",
    "Job",
    "LogChunk",
    "QuarantinedMessage",
    "Queue",
    "Token",
    "Upload",
    "UploadUse",
]
