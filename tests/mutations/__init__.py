"""Would the tests notice? ``python -m tests.mutations jobs/consumer``: see ``README.md``."""
