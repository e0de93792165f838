"""State handlers: ``slack_notifier``, ``gmail_notifier`` and ``callback_factory``.

A handler is callable as ``(tracked_obj, old_state, new_state) -> new_state``. It is a frozen value: it compares, hashes, prints and
pickles.
"""
