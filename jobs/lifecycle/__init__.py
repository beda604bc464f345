"""The only writer of a job's status. Each change names the status it expects and, once claimed,
the attempt; who lost the race writes nothing. The drawing is in ``jobs.core.states``."""

from jobs.core.db import write_transaction

from .cancel import CancelResult, cancel_job
from .claim import Claim, claim_jobs, claim_rows, claims_in_one_round_trip, has_waiting, to_claims
from .complete import Outcome, finish, prepare_outcomes, write_outcomes
from .consumers import deregister, heartbeat, living_on_host, mark_dead, other_heartbeats, register
from .file_gc import FileCollector
from .insert import insert_job, insert_many
from .lock_timeout import is_lock_timeout, limited_lock_waits
from .progress import AttemptUpdate, StoredArtifact, requested_cancels, save_artifact, write_updates
from .promote import next_due, promote_due
from .prune import delete_files, prune_chunk
from .queues import set_paused, unpaused
from .rescue import orphaned_consumers, release_unconfirmed, rescue_jobs
from .retry import requeue

__all__ = [
    "AttemptUpdate",
    "CancelResult",
    "Claim",
    "FileCollector",
    "Outcome",
    "StoredArtifact",
    "cancel_job",
    "claim_jobs",
    "claim_rows",
    "claims_in_one_round_trip",
    "delete_files",
    "deregister",
    "finish",
    "has_waiting",
    "heartbeat",
    "insert_job",
    "insert_many",
    "is_lock_timeout",
    "limited_lock_waits",
    "living_on_host",
    "mark_dead",
    "next_due",
    "orphaned_consumers",
    "other_heartbeats",
    "prepare_outcomes",
    "promote_due",
    "prune_chunk",
    "register",
    "release_unconfirmed",
    "requested_cancels",
    "requeue",
    "rescue_jobs",
    "save_artifact",
    "set_paused",
    "to_claims",
    "unpaused",
    "write_outcomes",
    "write_transaction",
    "write_updates",
]
