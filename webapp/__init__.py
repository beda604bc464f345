"""The site: settings, URLs, signing in, ``manage.py up``, and the tasks in ``webapp.tasks``."""
