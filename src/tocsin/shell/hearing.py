"""Whether anybody heard of an event: that is known once all messages about it have ended, perhaps long after they were queued."""

import threading
from collections.abc import Callable

from tocsin.core.effects import CallBack, Effect
from tocsin.core.outcomes import Outcome, Receipt


class Hearing:
    """Waits for the ends of the messages about one event. Any thread may bring one.

    Args:
        unheard: called, once, if there were messages and none got through.
    """

    def __init__(self, unheard: Callable[[], None]) -> None:
        self._unheard = unheard
        self._open = 1  # until it is known how many there are
        self._failed = False
        self._heard = False
        self._lock = threading.Lock()

    def of(self, effect: Effect) -> Callable[[Outcome], None]:
        """What to tell the end of the effect to; that a function was called tells nobody anything."""
        if isinstance(effect, CallBack):
            return lambda _: None
        with self._lock:
            self._open += 1
        return self._ended

    def complete(self) -> None:
        """No more messages follow."""
        self._close(failed=False, heard=False)

    def _ended(self, outcome: Outcome) -> None:
        heard = isinstance(outcome, Receipt)
        self._close(failed=not heard, heard=heard)

    def _close(self, *, failed: bool, heard: bool) -> None:
        with self._lock:
            self._open -= 1
            self._failed = self._failed or failed
            self._heard = self._heard or heard
            unheard = self._open == 0 and self._failed and not self._heard
        if unheard:
            self._unheard()
