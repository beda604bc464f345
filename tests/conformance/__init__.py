"""The test suites of Django's tasks framework and of django-tasks-db, run against our backend."""
