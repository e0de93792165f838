"""Writes down what another interpreter was given and how it went: a flow's report is made from it."""

import attrs
from returns.io import IOResult

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Receipt
from tocsin.shell.interpreters.protocol import Delivery, Interpreter, Notify, execute, notify_of, result_of


@attrs.frozen(eq=False)
class Logbook:
    """Passes each effect on to ``inner``, and keeps it with its outcome."""

    inner: Interpreter
    _kept: list[Delivery] = attrs.field(factory=list[Delivery], init=False, repr=False)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All effects so far with their outcomes, in the order in which they ended."""
        return tuple(self._kept)

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        outcome = execute(self.inner, effect)
        self._kept.append(Delivery(effect, outcome))
        return result_of(outcome)
