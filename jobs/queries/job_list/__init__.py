"""Pages of jobs by filters: each reads a bounded number of rows, however many there are."""

from .cursors import Cursor, Sort
from .filters import JobFilter
from .page import MOST_READ, Page, read_page

__all__ = ["MOST_READ", "Cursor", "JobFilter", "Page", "Sort", "read_page"]
