"""Delivers one effect by the interpreter in force; a failure is one line in the log."""

from tocsin.core.effects import Effect
from tocsin.core.outcomes import Outcome
from tocsin.shell.ambient import current
from tocsin.shell.interpreters.protocol import execute
from tocsin.shell.log import complain


def deliver(effect: Effect) -> Outcome:
    """Execute the effect, and say how it went. Raises nothing."""
    outcome = execute(current(), effect)
    complain(effect, outcome)
    return outcome
