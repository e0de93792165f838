"""``tocsin outbox``: what is in the outbox, what is to become of it, and its being sent.

SQLAlchemy is loaded by those commands alone that open an outbox, when they do.
"""
