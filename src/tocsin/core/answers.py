"""What a foreign handler did, as the event that the machine waits for: it returned, or it raised."""

from datetime import datetime
from typing import TypeGuard

from tocsin.core import events as e
from tocsin.core.events import UNKNOWN, Answer, Facts
from tocsin.core.machine import Ask
from tocsin.core.messages.text import name_of, quote
from tocsin.core.signals import ENDRUN, Signal
from tocsin.core.states import State


def reply(ask: Ask, returned: object, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """What a foreign handler's return value means; anything but a State or None is an error of that handler."""
    if returned is None:
        return e.HandlerReplied(at, state=ask.new, facts=facts)
    if isinstance(returned, State):
        return e.HandlerReplied(at, state=returned, facts=facts)
    missing = _missing(returned)
    why = f"which still waits for {missing}" if missing else "which is neither a State nor None"
    return e.HandlerRaised(at, error=TypeError(f"the handler {name_of(ask.handler)} returned {quote(returned)}, {why}"), facts=facts)


def _are_names(value: object) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple)


def _missing(returned: object) -> str:
    """The arguments that a curried handler still waits for; nothing, where that is not what was returned."""
    try:
        missing: object = getattr(returned, "missing", None)
        return ", ".join(missing) if _are_names(missing) else ""
    except Exception:
        return ""


def refusal(error: Exception, at: datetime, facts: Facts = UNKNOWN) -> Answer:
    """What an exception that a foreign handler raised means: a signal's state, or a failure of the handler."""
    if isinstance(error, Signal):
        return e.HandlerSignalled(at, state=error.state, ends=isinstance(error, ENDRUN), facts=facts)
    return e.HandlerRaised(at, error=error, facts=facts)
