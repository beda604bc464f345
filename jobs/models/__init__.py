"""The database tables. Only ``jobs.lifecycle`` changes the status of a job."""

from .attempt import Attempt
from .consumer import Consumer, ConsumerRequest
from .counter import Counter
from .feed import FeedClock
from .file import Artifact, Upload, UploadUse
from .job import Job
from .log import LogChunk
from .quarantine import QuarantinedMessage
from .queue import Queue
from .resumable import ResumableUpload, UploadPiece
from .token import Token
from .upload_key import UploadKey
from .webhook import EmailRequest, FollowedEndings, Webhook, WebhookDelivery

__all__ = [
    "Artifact",
    "Attempt",
    "Consumer",
    "ConsumerRequest",
    "Counter",
    "EmailRequest",
    "FeedClock",
    "FollowedEndings",
    "Job",
    "LogChunk",
    "QuarantinedMessage",
    "Queue",
    "ResumableUpload",
    "Token",
    "Upload",
    "UploadKey",
    "UploadPiece",
    "UploadUse",
    "Webhook",
    "WebhookDelivery",
]
