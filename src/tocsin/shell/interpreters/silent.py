"""Sends nothing, shows nothing, calls nothing."""

from typing import ClassVar

import attrs
from returns.io import IOResult

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Receipt, Withheld, received
from tocsin.shell.interpreters.protocol import Notify


@attrs.frozen
class Silent:
    """Does nothing with an effect, and says why: ``reason``."""

    reason: str = "--notify=none says so"

    notify: ClassVar[Notify] = "none"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:  # noqa: ARG002 - that is the point
        """Withhold the effect."""
        return received(Withheld(self.reason))
