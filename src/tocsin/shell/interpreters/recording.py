"""Keeps the effects and does nothing with them: for tests."""

from typing import ClassVar

import attrs
from returns.io import IOResult

from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Receipt, Withheld, received
from tocsin.shell.interpreters.protocol import Notify


@attrs.frozen(eq=False, repr=False)
class Recording:
    """Keeps each effect, in order, in ``effects``; safe under threads.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     state = tocsin.slack_notifier(tocsin.Task("load"), tocsin.Running(), tocsin.Failed("disk full"))
    >>> recording.effects[0].payload.fallback
    'load failed: disk full'
    """

    _kept: list[Effect] = attrs.field(factory=list[Effect], init=False)

    notify: ClassVar[Notify] = "none"

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All effects so far."""
        return tuple(self._kept)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self._kept.append(effect)
        return received(Withheld("recorded"))

    def __repr__(self) -> str:
        return f"<Recording of {len(self._kept)} effects>"
