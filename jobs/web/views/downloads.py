"""Files, logs and results to download, for whoever may see their job."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.text import get_valid_filename
from django.views.decorators.http import require_safe

from jobs.core.byte_ranges import PreconditionFailed, RangeNotSatisfiable
from jobs.core.download import download, type_of
from jobs.core.states import Status
from jobs.core.uuid7 import is_uuid
from jobs.models import Artifact, Job, Upload
from jobs.queries import logs
from jobs.web.access import SignedIn, message_page, signed_in, visible_job
from jobs.web.result_tree import as_text
from jobs.web.tabs import PICTURE_TYPES

SHOWN_TYPES: Final = PICTURE_TYPES - {"image/svg+xml"}
Response = TypeVar("Response", HttpResponse, StreamingHttpResponse)

# A picture that a task made is shown, but must not run anything: an SVG is a document.
_NO_SCRIPTS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@require_safe
@signed_in
def artifact(request: SignedIn, job_id: str, name: str) -> Any:
    """Send a file that the job made: pictures are shown; others, and ``?download``, are saved.

    An SVG is a document, which may link and style what it likes: in a page it is a picture all the
    same, but by itself it is saved.
    """
    job = visible_job(request, job_id, narrow=True)
    found = Artifact.objects.filter(job_id=job.pk, name=name).first()
    if found is None:
        return _no_such_file(request)
    as_picture = found.content_type in SHOWN_TYPES and "download" not in request.GET
    return _file(request, found, as_attachment=not as_picture, content_type=found.content_type)


@require_safe
@signed_in
def upload(request: SignedIn, job_id: str, upload_id: str) -> Any:
    """Send a file that was submitted with the job, to be saved."""
    job = visible_job(request, job_id, narrow=True)
    uploads = Upload.objects.filter(uses__job_id=job.pk)
    found = uploads.filter(pk=upload_id).first() if is_uuid(upload_id) else None
    if found is None:
        return _no_such_file(request)
    return _file(request, found, as_attachment=True, content_type=type_of(found.name))


@require_safe
@signed_in
def log(request: SignedIn, job_id: str) -> StreamingHttpResponse:
    """Send the whole log, to be saved."""
    job = visible_job(request, job_id, narrow=True)
    chunks = (chunk.encode("utf-8", "replace") for chunk in logs.chunks(job))
    response = StreamingHttpResponse(chunks, content_type="text/plain; charset=utf-8")
    return _as_attachment(response, job, "log.txt")


@require_safe
@signed_in
def result(request: SignedIn, job_id: str) -> HttpResponse:
    """Send the result, to be saved: a text as text, anything else as JSON."""
    job = visible_job(request, job_id)
    if job.status != Status.SUCCEEDED:
        return message_page(request, 404, "There is no result", "The job has not ended with one.")
    content = as_text(job.result).encode("utf-8", "replace")
    if isinstance(job.result, str):
        response = HttpResponse(content, content_type="text/plain; charset=utf-8")
        return _as_attachment(response, job, "result.txt")
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    return _as_attachment(response, job, "result.json")


def _as_attachment(response: Response, job: Job, name: str) -> Response:
    file_name = f"{get_valid_filename(job.task)}-{name}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _file(request: SignedIn, found: Artifact | Upload, **options: Any) -> Any:
    try:
        return download(request, found.file, name=found.name, headers=_NO_SCRIPTS, **options)
    except FileNotFoundError:
        return _no_such_file(request)
    except PreconditionFailed as error:
        return message_page(request, 412, "The file has changed", str(error))
    except RangeNotSatisfiable as error:
        response = message_page(request, 416, "There are no such bytes", str(error))
        for header, value in error.headers.items():
            response.headers[header] = value
        return response


def _no_such_file(request: SignedIn) -> HttpResponse:
    return message_page(
        request, 404, "There is no such file", "The job has none of this name, or it was deleted."
    )
