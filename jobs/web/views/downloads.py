"""Files, logs and results, handed out to whoever may see their job."""

from __future__ import annotations

from typing import Any, Final

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.utils.text import get_valid_filename
from django.views.decorators.http import require_safe

from jobs.core.states import Status
from jobs.core.storage import job_storage
from jobs.core.uuid7 import is_uuid
from jobs.models import Artifact, Upload
from jobs.queries import logs
from jobs.web.access import SignedIn, message_page, signed_in, visible_job
from jobs.web.result_tree import as_text
from jobs.web.tabs import PICTURES

# A picture that a task made may be looked at, but it must not act: an SVG is a document.
_HARMLESS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@require_safe
@signed_in
def artifact(request: SignedIn, job_id: str, name: str) -> Any:
    """A file that the job made: pictures are shown, all else is saved, as is ``?download``."""
    job = visible_job(request, job_id, narrow=True)
    found = Artifact.objects.filter(job_id=job.pk, name=name).first()
    if found is None:
        return _gone(request)
    shown = found.content_type in PICTURES and "download" not in request.GET
    return _file(request, found, as_attachment=not shown, content_type=found.content_type)


@require_safe
@signed_in
def upload(request: SignedIn, job_id: str, upload_id: str) -> Any:
    """A file that was handed in with the job, to be saved."""
    job = visible_job(request, job_id, narrow=True)
    given = Upload.objects.filter(uses__job_id=job.pk, pk=upload_id) if is_uuid(upload_id) else None
    found = given.first() if given is not None else None
    if found is None:
        return _gone(request)
    return _file(request, found, as_attachment=True, content_type="application/octet-stream")


@require_safe
@signed_in
def log(request: SignedIn, job_id: str) -> StreamingHttpResponse:
    """The whole log, to be saved."""
    job = visible_job(request, job_id, narrow=True)
    parts = (chunk.encode("utf-8", "replace") for chunk in logs.chunks(job))
    response = StreamingHttpResponse(parts, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{_name(job.task)}-log.txt"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@signed_in
def result(request: SignedIn, job_id: str) -> HttpResponse:
    """The result, to be saved: a text as text, anything else as JSON."""
    job = visible_job(request, job_id)
    if job.status != Status.SUCCEEDED:
        return message_page(request, 404, "There is no result", "The job has not ended with one.")
    is_text = isinstance(job.result, str)
    kind, ending = ("text/plain", "txt") if is_text else ("application/json", "json")
    response = HttpResponse(
        as_text(job.result).encode("utf-8", "replace"), content_type=f"{kind}; charset=utf-8"
    )
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{_name(job.task)}-result.{ending}"'
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _file(request: SignedIn, found: Artifact | Upload, **how: Any) -> Any:
    try:
        source = job_storage().open(found.file, "rb")
    except FileNotFoundError:
        return _gone(request)
    return FileResponse(source, filename=found.name, headers=_HARMLESS, **how)


def _gone(request: SignedIn) -> HttpResponse:
    return message_page(
        request, 404, "There is no such file", "The job has none of this name, or it was deleted."
    )


def _name(task: str) -> str:
    return get_valid_filename(task)
