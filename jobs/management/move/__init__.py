"""The parts of ``manage.py movedatabase``: all rows of a database into another, by Django's models.

What a value looks like differs between SQLite and PostgreSQL, so rows are read and written by the
fields of the models, table by table in chunks. Where the move stands is kept in the new database,
in the transaction of each chunk. The old database is locked meanwhile.
"""
