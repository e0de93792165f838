"""An interpreter that wraps another, and lets so many messages through and no more."""

from typing import Literal

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

    notify: Literal["print"] = attrs.field(default="print", init=False)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        """Pass the effect on, or withhold it."""
        if self.passed == self.most:
            return Withheld(f"{self.most} messages were sent already")
        self.passed += 1
        return self.inner(effect)
