"""The form of a task, made from what its signature says."""

from .options import OptionsForm
from .task import TaskForm

__all__ = ["OptionsForm", "TaskForm"]
