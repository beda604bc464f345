"""Runs in an environment of its own, beside the client that was generated."""

import json
import os

from jobdesk_client import AuthenticatedClient
from jobdesk_client.api.jobs import get_job
from jobdesk_client.api.tasks import submit_webapp_square
from jobdesk_client.models import Job, WebappSquareArgs

desk = AuthenticatedClient(base_url=os.environ["DESK"], token=os.environ["TOKEN"])
job = submit_webapp_square.sync(client=desk, body=WebappSquareArgs(n=7))
assert isinstance(job, Job), job
while job.finished_at is None:
    job = get_job.sync(client=desk, id=job.id, prefer="wait=20")
    assert isinstance(job, Job), job
print(json.dumps([job.status, job.result]))
