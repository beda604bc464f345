"""Requests to addresses that a user gives, without access to the server's own network.

``check_url`` says before anything is sent what can be known then; ``CheckedTransport`` checks each
address that is connected to. It needs httpx (the extra ``webhooks``), so its names are not here.
"""
