"""What tasks there are: their declarations, their arguments, finding them by name."""

from .declare import JobTask, job
from .registry import all_tasks, exposed_tasks, find_task, get_task

__all__ = ["JobTask", "all_tasks", "exposed_tasks", "find_task", "get_task", "job"]
