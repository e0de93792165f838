"""A dead-man service: it expects to hear of a run, and raises the alarm where it does not. No host can report its own death.

It is told of the start, and of the end after which no other attempt follows: ``URL/start``, then ``URL`` for a success and
``URL/fail`` for a failure, as healthchecks.io and those who do like it take them.
"""

from collections.abc import Callable
from typing import Never

import attrs

from tocsin.core.changes import Change
from tocsin.core.effects import CallBack
from tocsin.core.filters.algebra import Verdict
from tocsin.core.messages.text import name_of
from tocsin.core.notifiers import Notice, Notifier
from tocsin.core.outcomes import Fault
from tocsin.core.states import Finished, Running, State


@attrs.frozen(repr=False)
class Pinger(Notifier):
    """Has ``ping(tracked_obj, state)`` called when a run starts, and when it has ended for good."""

    ping: Callable[[Never, State], object]

    def concerns(self, kind: type[State]) -> bool:
        return issubclass(kind, Running | Finished)

    def explain(self, change: Change) -> Verdict:
        if isinstance(change.new, Running):
            return Verdict(change.attempt == 1, f"attempt {change.attempt} starts")
        return Verdict(change.final, "nothing follows" if change.final else "another attempt may follow")

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:  # noqa: ARG002 - no code of the user's runs here
        return Notice((CallBack(self.ping, change.tracked_obj, change.new, change.key(position)),))

    def __repr__(self) -> str:
        return name_of(self.ping)


def ping_url(url: str, state: State) -> str:
    """Where to tell a service of a state.

    >>> ping_url("https://hc-ping.com/5f0c?create=1", Running())
    'https://hc-ping.com/5f0c/start?create=1'
    """
    from urllib.parse import urlsplit, urlunsplit  # seldom needed, and slow to load

    parts = urlsplit(url)
    told = "/start" if isinstance(state, Running) else "" if state.is_successful() else "/fail"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + told if told else parts.path, fragment=""))
