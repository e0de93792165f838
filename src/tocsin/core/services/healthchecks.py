"""A health-check service (dead-man switch): what it is told, at which URL, and its answers classified as outcomes.

- The service expects to hear from a run, and raises the alarm if it does not. No host can report its own death.
- It is notified of the start, and of the end that no further attempt follows.
- ``URL/start`` reports a start, ``URL`` a success and ``URL/STATUS`` a failure with an exit status: the protocol of healthchecks.io.
  ``URL/fail`` reports a failure without an exit status.
- A service that takes only a URL hears of each success all the same. That it has no address for a start is no failure.
- The body of the request is the end of the output, if that is wanted. The service keeps its first bytes, 100,000 of them, or as many as
  its answers say: so the beginning is left out here.
"""

import re

import attrs

from tocsin.core.delivery.destinations import https_fault
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, Rejected, Retryable
from tocsin.core.states import Running, State
from tocsin.core.text import cut, one_line
from tocsin.core.values import Value

MAX_BODY = 100_000
"""Bytes of a body that healthchecks.io keeps: https://healthchecks.io/docs/attaching_logs/."""

_NO_ADDRESS = (404, 405)
_LOOPBACK = re.compile(r"127(\.(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])){3}|::1|localhost")


@attrs.frozen(eq=False, repr=False)
class Report(Value):
    """What a service is told: the state, the exit status if there is one, and the body of the request, which may be empty."""

    state: State
    status: int | None = None
    body: bytes = b""


def ping_url(url: str, state: State, status: int | None = None) -> str:
    """Return the URL that reports a state to a service, and the exit status of a failure, if there is one.

    >>> ping_url("https://hc-ping.com/5f0c?create=1", Running())
    'https://hc-ping.com/5f0c/start?create=1'
    >>> from tocsin.core.states import Failed
    >>> ping_url("https://hc-ping.com/5f0c", Failed("exit status 3"), 3)
    'https://hc-ping.com/5f0c/3'
    """
    from urllib.parse import urlsplit, urlunsplit  # seldom needed, and slow to load

    parts = urlsplit(url)
    if isinstance(state, Running):
        suffix = "/start"
    elif state.is_successful():
        suffix = ""
    else:
        suffix = f"/{status}" if status else "/fail"  # the status 0 would report a success
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix if suffix else parts.path, fragment=""))


def ping_fault(url: str) -> str | None:
    """Return what is wrong with the URL of a service, without repeating it; None if nothing is. Plain http stays on this machine.

    >>> ping_fault("http://127.0.0.1:8000/ping/5f0c") is None
    True
    >>> ping_fault("http://hc-ping.com/5f0c")
    'it is not an https URL: plain http is only for localhost, 127.0.0.1 and ::1'
    """
    from urllib.parse import urlsplit

    if url[:7].lower() != "http://":
        return https_fault(url)
    fault = https_fault(f"https://{url[7:]}")
    if fault is not None or _LOOPBACK.fullmatch(urlsplit(url).hostname or ""):
        return fault
    return "it is not an https URL: plain http is only for localhost, 127.0.0.1 and ::1"


def ping_body(tail: str, limit: int = MAX_BODY) -> bytes:
    """Return the end of the output as the body of a request: whole characters, at most ``limit`` bytes.

    >>> ping_body("é1\\né2", 4)
    b'\\n\\xc3\\xa92'
    """
    data = tail.encode("utf-8", "replace")
    return data[max(len(data) - limit, 0) :].decode("utf-8", "ignore").encode()


def body_limit(header: str | None) -> int:
    """Return the number of bytes that a service keeps of a body, by its header ``Ping-Body-Limit``; the usual number without one.

    >>> body_limit("10000"), body_limit(None), body_limit("much")
    (10000, 100000, 100000)
    """
    return min(int(header), MAX_BODY) if header is not None and re.fullmatch(r"[0-9]{1,9}", header) else MAX_BODY


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


def start_reply(status: int, body: str, retry_after: str | None = None) -> Receipt | DeliveryError:
    """Classify the answer to a start. A service may have no address for it; of a wrong URL, the answer to the end tells.

    >>> start_reply(404, "not found") == Delivered()
    True
    """
    return Delivered() if status in _NO_ADDRESS else ping_reply(status, body, retry_after)
