"""The WSGI application, for any WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from jobs.core.greenlets import has_greenlets

from . import path_prefix
from .connections import close_after_each_request
from .secret import require_secret

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

require_secret()
application = path_prefix.for_wsgi(get_wsgi_application())
if has_greenlets():
    close_after_each_request()
