"""Webhooks, and e-mail when a job is done: what is sent when jobs end.

``follower`` finds the endings in the results feed and inserts a job for each thing to be sent;
``deliver`` and ``emails`` have the tasks of those jobs.
"""
