"""Handing in: validate, record, announce."""

from .accept import Submitted, submit
from .permission import may_use
from .uploads import store_upload

__all__ = ["Submitted", "may_use", "store_upload", "submit"]
