"""The JSON API: plain Django views, one file for each group of calls.

``endpoint`` wraps every view: it finds out who asks, picks the method's handler and turns what
is raised into a problem. ``representation`` is a job as JSON, ``openapi`` describes it all.
"""
