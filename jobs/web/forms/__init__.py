"""The form of a task, made from its signature."""

from .options_form import OptionsForm
from .task_form import TaskForm

__all__ = ["OptionsForm", "TaskForm"]
