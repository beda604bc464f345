"""Messages: permits to take one job from a queue. The only room that imports funboost."""

import uuid


def announce(queue: str, job_id: uuid.UUID) -> None:
    """Tell consumers of a new job. The database broker's bell is the commit itself."""
