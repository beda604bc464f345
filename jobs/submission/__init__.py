"""Handing in: validate, record, announce."""

from .options import SubmitOptions
from .permissions import may_use
from .retry import retry_job
from .submit import SubmitResult, submit_job
from .uploads import store_upload

__all__ = ["SubmitOptions", "SubmitResult", "may_use", "retry_job", "store_upload", "submit_job"]
