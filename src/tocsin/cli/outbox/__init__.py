"""``tocsin outbox``: shows the outbox, changes messages in it, and sends them.

SQLAlchemy is imported only by a command that opens an outbox.
"""
