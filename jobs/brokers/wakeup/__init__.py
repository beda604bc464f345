"""How an idle consumer notices a committed job on a broker that carries no messages.

SQLite: whoever has committed sends a datagram to each consumer of the data folder (``udp``); a
consumer that cannot be reached asks SQLite's counter of commits (``data_version``). PostgreSQL:
``NOTIFY`` and ``LISTEN`` (``pg_listen``).
"""
