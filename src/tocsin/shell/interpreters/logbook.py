"""Writes down what another interpreter was given and how it went: a run's report is made from it."""

from collections.abc import Callable

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Outcome, Queued, Receipt
from tocsin.shell import outgoing
from tocsin.shell.interpreters.protocol import Deferring, Delivery, Interpreter, Notify, handed, nobody, notify_of, result_of

_QUEUED = Queued("a background thread")


@attrs.define(eq=False)
class _Line:
    """An effect, and what is known of it; ``ended``: nothing more will be."""

    effect: Effect
    outcome: Outcome = _QUEUED
    ended: bool = False


@attrs.frozen(eq=False)
class Logbook(Deferring):
    """Passes each effect on to ``inner``, and keeps it with its outcome: the one that is known so far."""

    inner: Interpreter
    _lines: list[_Line] = attrs.field(factory=list[_Line], init=False, repr=False)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All effects so far with their outcomes, in the order in which they were taken."""
        return tuple(Delivery(line.effect, line.outcome) for line in self._lines)

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    def wait(self, seconds: float) -> bool:
        """Wait until all outcomes are known; False where ``seconds`` were not enough."""
        return all(line.ended for line in self._lines) or outgoing.wait_for(lambda: all(line.ended for line in self._lines), seconds)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Pass the effect on."""
        return result_of(self.submit(effect, nobody))

    @override
    def submit(self, effect: Effect, settled: Callable[[Outcome], None], /) -> Outcome:
        """The same; what becomes of it is told to ``settled``, too."""
        line = _Line(effect)

        def ended(outcome: Outcome) -> None:
            line.outcome, line.ended = outcome, True
            settled(outcome)

        outcome = handed(self.inner, effect, ended)
        self._lines.append(line)
        return outcome
