"""What a log may be that cannot be read."""


class LogUnreadable(ValueError):
    """The file cannot be read as a log; the message says why and what to do."""
