"""The JSON API: plain Django views, one file for each group of addresses.

``endpoint`` wraps every view: it identifies the caller, picks the method's handler and turns
exceptions into problems. ``schemas`` are the requests and responses as types, ``serializers`` a
job as JSON. ``operations`` describes the views, and ``openapi`` makes the document of it all.
"""
