"""The WSGI application of the peers' project."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from tests.benchmarks.sandbox import Sandbox

if Sandbox.from_environment().system.startswith("celery"):
    import tests.benchmarks.peers.celery_app  # noqa: F401  (as Celery's documentation says)
application = get_wsgi_application()
