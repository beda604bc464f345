"""The tasks of the project: declaring them, describing their arguments, finding them by name."""

from .decorators import job
from .registry import all_tasks, exposed_tasks, find_task, get_task
from .task import JobTask

__all__ = ["JobTask", "all_tasks", "exposed_tasks", "find_task", "get_task", "job"]
