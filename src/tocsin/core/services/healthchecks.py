"""A health-check service (dead-man switch): what it is told, at which URL, and its answers classified as outcomes.

- The service expects to hear from a run, and raises the alarm if it does not. No host can report its own death.
- It is notified of the start, and of the end that no further attempt follows.
- ``URL/start`` reports a start, ``URL`` a success and ``URL/fail`` a failure: the protocol of healthchecks.io.
"""

from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.core.states import Running, State
from tocsin.core.text import cut, one_line


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
