"""Decisions about messages on their way, as pure functions.

``destinations`` says where a message goes, ``retry`` when it is tried again, ``rate_limit`` how fast messages go, and
``circuit_breaker`` when none is tried. ``digest`` and ``digest_summary`` fold many messages into one, ``combining`` combines several
outcomes, ``fallback`` converts one channel's message for another, ``rendering`` lays a message out anew, and ``slack_threads`` chooses
a run's thread.
"""
