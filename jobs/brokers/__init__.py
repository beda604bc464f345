"""Messages: permits to take one job from a queue. The only room that imports funboost."""

from .choose import announce, announce_all, get_broker, ring_along

__all__ = ["announce", "announce_all", "get_broker", "ring_along"]
