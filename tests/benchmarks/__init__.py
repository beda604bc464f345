"""Jobdesk beside what else a Django developer would take: see ``README.md``.

No tests: pytest collects nothing here, and nothing fails on a timing.
"""
