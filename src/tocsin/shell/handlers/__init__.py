"""State handlers: ``slack_notifier``, ``gmail_notifier`` and ``callback_factory``.

A handler is callable as ``(tracked_obj, old_state, new_state) -> new_state``. It is a frozen value: it compares, hashes, prints and
pickles. ``currying`` binds the arguments of the two notifiers and announces a change on a full call, ``slack`` and ``gmail`` hold their
exact types, ``callback`` holds the third handler, ``formatter_timeout`` limits the time of user formatters, and ``attach`` checks the
list of handlers given to a Task or a Flow.
"""
