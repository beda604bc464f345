"""Read web server access logs of any length in constant memory, without Django.

``LogSource`` opens a log and yields blocks of whole lines, ``Tally`` counts their requests, and
``summary``, ``hours_csv`` and ``hours_svg`` present the counts.
"""

from .chart import hours_csv, hours_svg
from .errors import LogUnreadable
from .formats import format_of
from .source import LogSource
from .summary import summary
from .tally import Tally
from .times import TimeUnit

__all__ = [
    "LogSource",
    "LogUnreadable",
    "Tally",
    "TimeUnit",
    "format_of",
    "hours_csv",
    "hours_svg",
    "summary",
]
