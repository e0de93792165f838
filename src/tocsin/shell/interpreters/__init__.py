"""Interpreters: what acts on an effect. One a file; ``base`` says what one is, and the others are interpreters.

``live`` sends, ``dry_run`` shows, ``recording`` keeps; ``logbook`` writes down what another one did.
"""
