"""Signals: exceptions that carry a state. A task's body, a trigger or a handler that raises one enters that state.

A signal is control flow inside the run: it never leaves ``flow.run``.

>>> from tocsin import signals
>>> try:
...     raise signals.SKIP("nothing new today")
... except signals.Signal as signal:
...     signal.state
Skipped("nothing new today")
"""

from datetime import datetime
from typing import ClassVar, Self

import attrs

from tocsin.core import states

_ITSELF = object()
_ITSELF_PICKLED = "the signal itself"


class Signal(Exception):
    """The base of all signals.

    Args:
        message: the state's message, or None.
        result: the state's result; the signal itself unless given.
    """

    kind: ClassVar[type[states.State]] = states.State

    def __init__(self, message: str | None = None, *, result: object = _ITSELF) -> None:
        super().__init__(*(() if message is None else (message,)))
        self.state: states.State = self.kind(message, self if result is _ITSELF else result)

    def __reduce__(self) -> tuple[object, tuple[type[Self], states.State], dict[str, object]]:
        own = self.state.result is self  # a signal that holds itself cannot be built from its own parts
        state = attrs.evolve(self.state, result=_ITSELF_PICKLED) if own else self.state
        return _restored, (type(self), state), {name: value for name, value in vars(self).items() if name != "state"}


def _restored(kind: type[Signal], state: states.State) -> Signal:
    signal = kind.__new__(kind, *(() if state.message is None else (state.message,)))
    own = state.result == _ITSELF_PICKLED
    signal.state = attrs.evolve(state, result=signal) if own else state
    return signal


class SUCCESS(Signal):
    """Ends the run in Success."""

    kind: ClassVar[type[states.State]] = states.Success


class FAIL(Signal):
    """Ends the attempt in Failed; it is retried like any failure."""

    kind: ClassVar[type[states.State]] = states.Failed


class TRIGGERFAIL(Signal):
    """Ends the attempt in TriggerFailed. From a body, it is retried like any failure; from a trigger, it is never retried."""

    kind: ClassVar[type[states.State]] = states.TriggerFailed


class SKIP(Signal):
    """Ends the run in Skipped, which counts as success."""

    kind: ClassVar[type[states.State]] = states.Skipped


class PAUSE(Signal):
    """Pauses the run until a person resumes it."""

    kind: ClassVar[type[states.State]] = states.Paused


class LOOP(Signal):
    """Requests another turn of the loop."""

    kind: ClassVar[type[states.State]] = states.Looped


class RETRY(Signal):
    """Requests another attempt, at ``start_time`` (an aware datetime) or at once."""

    kind: ClassVar[type[states.State]] = states.Retrying

    def __init__(self, message: str | None = None, *, result: object = _ITSELF, start_time: datetime | None = None) -> None:
        super().__init__(message, result=result)
        self.state: states.State = states.Retrying(message, self.state.result, start_time=start_time)


class ENDRUN(Signal):
    """Ends the run in the given state, whatever it is; the run is never retried."""

    def __init__(self, state: states.State) -> None:
        super().__init__(state.message)
        self.state: states.State = state
