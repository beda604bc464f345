"""What ``manage.py up`` does: prepare, serve the site, keep the consumers running."""


class StartupError(Exception):
    """``up`` can't start; the message is one sentence or two that say what to do."""
