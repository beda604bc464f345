"""The operation of one task: ``POST /tasks/{name}/jobs`` with the name filled in."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from jobs.catalog.registry import AnyTask

from .examples import example_of
from .operations import Operation
from .problems import UNKNOWN_TASK
from .task_schemas import TaskSchemas


def task_operation(operation: Operation, task: AnyTask, task_schemas: TaskSchemas) -> Operation:
    """Return the operation that submits one task, typed by its arguments.

    Args:
        operation: the one for any task.
        task: the task.
        task_schemas: the components of the document.
    """
    example = example_of(task.spec.json_schema)
    return replace(
        operation,
        id=task_schemas.operation_id(task),
        path=operation.path.replace("{name}", task.name),
        parameters=[one for one in operation.parameters if one["in"] != "path"],
        problems=[kind for kind in operation.problems if kind is not UNKNOWN_TASK],
        body_schema=task_schemas.args(task),
        example=example,
        summary=f"Submit {task.name}",
        description=": ".join(filter(None, (task.title, task.description))),
        curl=f'-H "Content-Type: application/json" \\\n  -d {_quoted(example)} $URL',
    )


def _quoted(example: object) -> str:
    return shlex.quote(json.dumps(example, ensure_ascii=False))
