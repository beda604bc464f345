"""How an idle consumer notices a committed job on a broker that carries no messages.

SQLite: after a commit, a datagram goes to each consumer of the data folder (``udp``); a consumer
that datagrams cannot reach polls SQLite's counter of commits (``data_version``). PostgreSQL:
``NOTIFY`` and ``LISTEN`` (``pg_listen``).
"""
