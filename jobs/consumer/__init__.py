"""Consumers: processes that take permits, run jobs and write what became of them."""
