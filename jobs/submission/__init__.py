"""Handing in: validate, record, announce."""

from .accept import Submitted, submit
from .again import run_again
from .permission import may_use
from .uploads import store_upload

__all__ = ["Submitted", "may_use", "run_again", "store_upload", "submit"]
