"""Delivers one effect by the interpreter in force; a failure is one line in the log."""

from collections.abc import Callable

from tocsin.core.effects import Effect
from tocsin.core.outcomes import Outcome
from tocsin.shell import outgoing
from tocsin.shell.ambient import current
from tocsin.shell.interpreters.protocol import handed, nobody
from tocsin.shell.log import complain


def deliver(effect: Effect, settled: Callable[[Outcome], None] = nobody) -> Outcome:
    """Execute the effect, and say how it went, as far as that is known; the end of it is told to ``settled``. Raises nothing."""
    outcome = handed(current(), effect, settled)
    complain(effect, outcome)
    return outcome


def delivered(effect: Effect, settled: Callable[[Outcome], None]) -> Outcome:
    """The same, for those who cannot go on without the end: it is waited for, though not for ever."""
    ends: list[Outcome] = []

    def ended(outcome: Outcome) -> None:
        ends.append(outcome)
        settled(outcome)

    outcome = deliver(effect, ended)
    outgoing.wait_for(lambda: bool(ends), outgoing.left_of(outgoing.PATIENCE))
    return ends[0] if ends else outcome
