"""Writes down the signals of Django's tasks framework, in a consumer under test."""
