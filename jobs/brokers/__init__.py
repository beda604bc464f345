"""Brokers: how a consumer learns that a job waits. ``funboost/`` alone imports funboost."""

from .depth_cache import known_depths
from .registry import get_broker, notify_after_commit, notify_statement, warm_up

__all__ = ["get_broker", "known_depths", "notify_after_commit", "notify_statement", "warm_up"]
