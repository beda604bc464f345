"""Consumers: processes that claim jobs, run them and write what became of them."""
