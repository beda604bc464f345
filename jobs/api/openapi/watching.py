"""The calls about tasks and queues, for machines that watch, and about the API itself."""

from __future__ import annotations

from typing import Final

from jobs.api import problems as p

from .call import API, AS_YOU, TEXT, Answer, Call, answers

OTHER_CALLS: Final = (
    Call(
        id="listTasks",
        method="get",
        path=f"{API}/tasks",
        summary="List the tasks that can be handed in",
        answers=answers(s200=Answer("All of them.", "TaskList")),
        curl=f"{AS_YOU} $DESK{API}/tasks",
        tags=("tasks",),
    ),
    Call(
        id="getTask",
        method="get",
        path=f"{API}/tasks/{{name}}",
        summary="Look at a task and the schema of its arguments",
        parameters=("taskName",),
        answers=answers(s200=Answer("The task.", "Task")),
        problems=(p.UNKNOWN_TASK,),
        curl=f"{AS_YOU} $DESK{API}/tasks/webapp.square",
        tags=("tasks",),
    ),
    Call(
        id="listQueues",
        method="get",
        path=f"{API}/queues",
        summary="See how full the queues are",
        answers=answers(s200=Answer("All of them.", "QueueList")),
        curl=f"{AS_YOU} $DESK{API}/queues",
        tags=("watching",),
    ),
    Call(
        id="isAlive",
        method="get",
        path="/healthz",
        summary="Whether the process serves",
        answers=answers(s200=Answer("It does.", "State")),
        curl="curl $DESK/healthz",
        is_open=True,
        tags=("watching",),
    ),
    Call(
        id="isReady",
        method="get",
        path="/readyz",
        summary="Whether jobs can be taken in",
        answers=answers(s200=Answer("They can.", "State")),
        curl="curl $DESK/readyz",
        is_open=True,
        tags=("watching",),
    ),
    Call(
        id="getMetrics",
        method="get",
        path="/metrics",
        summary="Numbers for Prometheus",
        description="For staff, or with anyone's token.",
        answers=answers(s200=Answer("The text format, version 0.0.4.", "Text", (), TEXT)),
        problems=(p.FORBIDDEN,),
        curl=f"{AS_YOU} $DESK/metrics",
        tags=("watching",),
    ),
    Call(
        id="getDocument",
        method="get",
        path=f"{API}/openapi.json",
        summary="This description",
        description="Who has a credential also gets the schemas of the tasks' arguments.",
        answers=answers(s200=Answer("An OpenAPI 3.1 document.", "Document")),
        problems=(p.UNAUTHENTICATED,),
        curl=f"{AS_YOU} $DESK{API}/openapi.json",
        is_open=True,
        tags=("the API",),
    ),
    Call(
        id="getDocs",
        method="get",
        path=f"{API}/docs",
        summary="This description as a page",
        answers=answers(s200=Answer("A page.", "Text", (), "text/html")),
        problems=(p.UNAUTHENTICATED,),
        curl=f"curl $DESK{API}/docs",
        is_open=True,
        tags=("the API",),
    ),
)
