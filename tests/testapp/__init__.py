"""An app of tasks for tests: each does one thing that a test watches."""
