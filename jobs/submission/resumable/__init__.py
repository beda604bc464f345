"""Uploads that come in pieces, and go on where they were cut off.

Each piece is a file of its own in the storage, whatever storage it is, and a row. So nothing that
is stored is written again for a later piece, and two requests that send the same piece never write
into one file: the row's compare-and-set decides which of them counts. When the last byte is there
the pieces are joined to one file, which is an ordinary upload from then on.
"""

from .joining import finish
from .pieces import append
from .rows import announce, create, delete_upload, find

__all__ = ["announce", "append", "create", "delete_upload", "find", "finish"]
