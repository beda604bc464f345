"""Jobdesk compared with other job systems for Django: see ``README.md``.

These are not tests: pytest collects nothing here, and no timing makes anything fail.
"""
