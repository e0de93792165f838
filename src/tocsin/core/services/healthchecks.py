"""A health-check service (dead-man switch): what it is told, at which URL, and its answers classified as outcomes.

- The service expects to hear from a run, and raises the alarm if it does not. No host can report its own death.
- It is notified of the start, and of the end that no further attempt follows.
- ``URL/start`` reports a start, ``URL`` a success and ``URL/fail`` a failure: the protocol of healthchecks.io.
"""

from collections.abc import Callable
from typing import Never

import attrs

from tocsin.core.changes import Change
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.effects import CallBack
from tocsin.core.filters.algebra import Verdict
from tocsin.core.messages.text import cut, name_of, one_line
from tocsin.core.notifiers import Notice, Notifier
from tocsin.core.outcomes import Delivered, DeliveryError, Fault, Receipt, Rejected, Retryable
from tocsin.core.states import Finished, Running, State


@attrs.frozen(repr=False)
class Pinger(Notifier):
    """Calls ``ping(tracked_obj, state)`` when a run starts, and when it has ended with no attempt to follow."""

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
    """Return the URL that reports a state to a service.

    >>> ping_url("https://hc-ping.com/5f0c?create=1", Running())
    'https://hc-ping.com/5f0c/start?create=1'
    """
    from urllib.parse import urlsplit, urlunsplit  # seldom needed, and slow to load

    parts = urlsplit(url)
    suffix = "/start" if isinstance(state, Running) else "" if state.is_successful() else "/fail"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix if suffix else parts.path, fragment=""))


def ping_reply(status: int, body: str, retry_after: str | None = None) -> Receipt | DeliveryError:
    """Classify the answer of a health-check service. Any 2xx status is a success.

    Args:
        status: the HTTP status.
        body: the beginning of the body.
        retry_after: the header Retry-After in seconds, if there was one.

    >>> ping_reply(404, "not found").reason
    'the dead-man service answered HTTP 404: not found'
    """
    if 200 <= status < 300:
        return Delivered()
    excerpt = cut(one_line(body), 80)
    reason = f"the dead-man service answered HTTP {status}{f': {excerpt}' if excerpt else ''}"
    return Retryable(reason, parse_retry_after(retry_after)) if status >= 500 or status == 429 else Rejected(reason)
