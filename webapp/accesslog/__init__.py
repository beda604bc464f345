"""Read web server access logs of any length in constant memory. It needs no Django.

``LogSource`` opens a log and yields blocks of whole lines, ``Tally`` counts what they hold, and
``summary``, ``hours_csv`` and ``hours_svg`` tell what it found.
"""

from .chart import hours_csv, hours_svg
from .source import LogSource, LogUnreadable
from .summary import summary
from .tally import Tally

__all__ = ["LogSource", "LogUnreadable", "Tally", "hours_csv", "hours_svg", "summary"]
