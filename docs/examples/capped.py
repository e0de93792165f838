"""An interpreter that wraps another, and lets so many messages through and no more."""

import attrs
from returns.io import IOResult

from tocsin import Interpreter, Outcome
from tocsin.effects import DeliveryError, Effect, Receipt, Withheld


@attrs.define(eq=False)
class Capped:
    """Passes ``most`` effects on to ``inner``, and withholds the rest."""

    inner: Interpreter
    most: int
    passed: int = 0

    @property
    def notify(self) -> object:
        """What it does with notifications: as the inner interpreter says; without a word, it may send."""
        return getattr(self.inner, "notify", "live")

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        """Pass the effect on, or withhold it."""
        if self.passed == self.most:
            return Withheld(f"{self.most} messages were sent already")
        self.passed += 1
        return self.inner(effect)
