"""Messages: permits to take one job from a queue. The only room that imports funboost."""

from .choose import announce, announce_all, get_broker, get_ready, ring_along
from .depths import known_depths

__all__ = ["announce", "announce_all", "get_broker", "get_ready", "known_depths", "ring_along"]
