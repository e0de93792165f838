"""An interpreter, a filter, a notifier and a formatter of one's own."""

from collections.abc import Callable
from pathlib import Path

import attrs

from tocsin import Change, Failed, Outcome, State, StateHandler, slack_notifier
from tocsin.effects import CallBack, Delivered, Effect, Withheld
from tocsin.errors import Fault
from tocsin.filters import Filter, Verdict
from tocsin.handlers import Notice, Notifier


@attrs.frozen
class Archive:
    """An interpreter that appends each effect to a file, as a line with its key."""

    path: Path

    def __call__(self, effect: Effect, /) -> Outcome:
        if isinstance(effect, CallBack):
            return Withheld("a call is not archived")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{effect.key}\n")
        return Delivered()


@attrs.frozen
class Slow(Filter):
    """A filter that passes a change whose attempt took longer."""

    seconds: float

    def __call__(self, change: Change) -> bool:
        return change.duration is not None and change.duration.total_seconds() > self.seconds


@attrs.frozen
class Pager(Notifier):
    """A notifier that calls a function with each failure that nothing follows."""

    page: Callable[[str], object]

    def concerns(self, kind: type[State]) -> bool:
        return issubclass(kind, Failed)

    def explain(self, change: Change) -> Verdict:
        return Verdict(change.final, f"attempt {change.attempt} of {change.attempts}")

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        call = CallBack(lambda _, state: self.page(repr(state)), change.tracked_obj, change.new, change.key(position))
        return Notice((call,), () if fault is None else (fault,))


def shout(change: Change) -> str:
    return f"{change.tracked_obj.name} {type(change.new).__name__}".upper()


handlers: list[StateHandler] = [slack_notifier(when=~Slow(60.0), message=shout, only_states=[Failed]), Pager(print)]
