"""Messages: permits to take one job from a queue. The only room that imports funboost."""

from .depth_cache import known_depths
from .registry import get_broker, notify_after_commit, notify_statement, warm_up

__all__ = ["get_broker", "known_depths", "notify_after_commit", "notify_statement", "warm_up"]
