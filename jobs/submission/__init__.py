"""Submitting a job: check permission, arguments and options, then insert it."""

from .cancel import cancel_job, cancel_waiting_jobs
from .database_errors import operational_errors_as_unavailable
from .history import record_change
from .options import SubmitOptions
from .permissions import may_change, may_use, require_change
from .retry import retry_job
from .submit import SubmitResult, submit_job
from .unclaimed import room_for_bytes
from .upload_keys import find_upload_key, fingerprint_of, require_same, store_new_upload
from .uploads import store_upload

__all__ = [
    "SubmitOptions",
    "SubmitResult",
    "cancel_job",
    "cancel_waiting_jobs",
    "find_upload_key",
    "fingerprint_of",
    "may_change",
    "may_use",
    "operational_errors_as_unavailable",
    "record_change",
    "require_change",
    "require_same",
    "retry_job",
    "room_for_bytes",
    "store_new_upload",
    "store_upload",
    "submit_job",
]
