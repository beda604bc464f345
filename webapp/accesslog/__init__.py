"""Read web server access logs of any length in constant memory, without Django.

``LogSource`` opens a log and yields blocks of whole lines, ``Tally`` counts their requests, and
``summary``, ``hours_csv`` and ``hours_svg`` present the counts.
"""

from .chart import hours_csv, hours_svg
from .source import LogSource, LogUnreadable
from .summary import summary
from .tally import Tally

__all__ = ["LogSource", "LogUnreadable", "Tally", "hours_csv", "hours_svg", "summary"]
