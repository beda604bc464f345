"""The results feed: jobs in the order in which they ended, read by position.

``lifecycle.feed_position`` says what a position is. Reading writes nothing but, once for each run
of a PostgreSQL server, its clock.
"""

from .clock import FeedClosed, HeldBack, held_back_now, newest_position, oldest_transaction
from .cursor import BadCursor, Cursor, StaleCursor, parse_cursor
from .page import MAX_LIMIT, Item, Page, read_page
from .selection import Selection
from .watch import wait_for_page

__all__ = [
    "MAX_LIMIT",
    "BadCursor",
    "Cursor",
    "FeedClosed",
    "HeldBack",
    "Item",
    "Page",
    "Selection",
    "StaleCursor",
    "held_back_now",
    "newest_position",
    "oldest_transaction",
    "parse_cursor",
    "read_page",
    "wait_for_page",
]
