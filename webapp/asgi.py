"""The ASGI application, for any ASGI server."""

import os

from django.core.asgi import get_asgi_application

from jobs.core.asgi_holding import hold_requests

from . import path_prefix
from .connections import close_after_each_request
from .secret import require_secret

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

require_secret()
application = hold_requests(path_prefix.for_asgi(get_asgi_application()))
close_after_each_request()
