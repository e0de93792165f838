"""Interpreters: they execute effects. ``base`` defines the protocol; the other modules hold the interpreters.

``live`` sends, ``dry_run`` prints, drops or records, and the others wrap interpreters: they retry, limit rates, fold, queue or store.
"""
