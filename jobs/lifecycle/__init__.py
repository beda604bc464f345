"""Everything that changes the status of a job; no other package writes it.

Each change is a compare-and-set: it names the status that it expects and, for a claimed job, the
attempt number. Whoever loses a race writes nothing. ``jobs.core.states`` has the state diagram.
"""

from jobs.core.db import write_transaction

from .cancel import CancelResult, cancel_job, cancel_waiting_jobs
from .claim import Claim, claim_jobs, claim_rows, claims_in_one_round_trip, has_waiting, to_claims
from .complete import finish, prepare_outcomes, write_outcomes
from .consumers import (
    count_living,
    deregister,
    heartbeat,
    living_on_host,
    mark_dead,
    other_heartbeats,
    register,
    request,
    serve_queues,
)
from .counter_folding import fold_counters
from .email_requests import EmailOption
from .file_gc import FileCollector
from .insert import insert_job, insert_received_job
from .insert_many import JobKeys, NewJob, insert_groups, insert_many
from .outcome import Outcome
from .progress import (
    AttemptUpdate,
    Stage,
    StoredArtifact,
    requested_cancels,
    save_artifact,
    stage_of,
    write_updates,
)
from .promote import next_due, promote_due
from .prune import UPLOADS_KEPT, PruneRun, delete_unused_uploads, prune_chunk
from .queues import set_paused, waiting_queues
from .requeue import requeue_job
from .requeue_many import requeue_jobs
from .rescue import orphaned_consumers, release_unconfirmed, rescue_jobs
from .resumable_uploads import delete_resumable_uploads
from .tempdir_gc import remove_stale_tempdirs

__all__ = [
    "UPLOADS_KEPT",
    "AttemptUpdate",
    "CancelResult",
    "Claim",
    "EmailOption",
    "FileCollector",
    "JobKeys",
    "NewJob",
    "Outcome",
    "PruneRun",
    "Stage",
    "StoredArtifact",
    "cancel_job",
    "cancel_waiting_jobs",
    "claim_jobs",
    "claim_rows",
    "claims_in_one_round_trip",
    "count_living",
    "delete_resumable_uploads",
    "delete_unused_uploads",
    "deregister",
    "finish",
    "fold_counters",
    "has_waiting",
    "heartbeat",
    "insert_groups",
    "insert_job",
    "insert_many",
    "insert_received_job",
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
    "remove_stale_tempdirs",
    "request",
    "requested_cancels",
    "requeue_job",
    "requeue_jobs",
    "rescue_jobs",
    "save_artifact",
    "serve_queues",
    "set_paused",
    "stage_of",
    "to_claims",
    "waiting_queues",
    "write_outcomes",
    "write_transaction",
    "write_updates",
]
