"""State handlers: ``slack_notifier``, ``gmail_notifier`` and ``callback_factory``.

A handler has the shape ``(tracked_obj, old_state, new_state) -> new_state``, and is a frozen value: it compares, hashes,
prints and pickles. ``curried`` is what the two notifiers have in common, ``slack`` and ``gmail`` are their exact types,
``callback`` is the third handler, ``tell`` is what a full call does, and ``attach`` checks a list of handlers when it is
given to a Task or a Flow.
"""
