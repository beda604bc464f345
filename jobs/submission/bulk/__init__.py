"""Many jobs of one user, each judged by itself, inserted in batches."""

from .batch import Created, insert_batch
from .prepare import PreparedJob, Preparer

__all__ = ["Created", "PreparedJob", "Preparer", "insert_batch"]
