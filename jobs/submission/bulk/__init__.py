"""Many jobs of one user, each judged by itself, inserted in batches."""

from .batch import insert_batch
from .existing import Created
from .prepare import PreparedJob, Preparer

__all__ = ["Created", "PreparedJob", "Preparer", "insert_batch"]
