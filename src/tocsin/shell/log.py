"""One line on standard error for a notification that failed, so that cron mails it: through the logger ``tocsin``."""

import logging
from functools import cache

from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.text import name_of, one_line
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Fault, Outcome, Rejected, Retryable
from tocsin.shell.adapters.redaction import redact

logger: logging.Logger = logging.getLogger("tocsin")

_dead: set[str] = set()  # destinations reported as dead by this process, by the name of their secret


def complain(effect: Effect, outcome: Outcome) -> None:
    """Say that a delivery failed, or reached only some; say nothing of one that went well."""
    match outcome:
        case Retryable() | Rejected() | Ambiguous():
            logger.error("%s", failure(effect, outcome))
        case DestinationDead():
            logger.log(_loudness(effect), "%s", failure(effect, outcome))
        case Delivered(refused=refused) if refused:
            logger.error("tocsin: %s: refused for %s", act(effect), one_line(", ".join(refused)))
        case _:
            pass


@cache
def once(text: str) -> None:
    """Say something that is as true the next time, once in a process."""
    logger.error("%s", redact(one_line(f"tocsin: {text}")))


def failure(effect: Effect, error: Retryable | Rejected | DestinationDead | Ambiguous) -> str:
    """What failed and why, in one line without a secret."""
    doubt = "may have failed to" if isinstance(error, Ambiguous) else "could not"
    return redact(one_line(f"tocsin: {doubt} {act(effect)}: {error.reason}"))


def act(effect: Effect) -> str:
    """What an effect does, in words."""
    match effect:
        case PostToSlack(key=key):
            return f"tell Slack of {one_line(key.slug)!r}"
        case SendEmail(key=key):
            return f"mail about {one_line(key.slug)!r}"
        case CallBack(key=key, fn=fn):
            return f"call {name_of(fn)} for {one_line(key.slug)!r}"


def note(fault: Fault) -> None:
    """Say that code of the user's raised, and was survived."""
    logger.warning("%s", redact(one_line(f"tocsin: {fault}")))


def _loudness(effect: Effect) -> int:
    """A destination that is dead is reported loudly, once; that each message to it fails is said quietly."""
    name = _destination(effect)
    if name in _dead:
        return logging.ERROR
    _dead.add(name)
    return logging.CRITICAL


def _destination(effect: Effect) -> str:
    """What an effect leads to, by the name of its secret."""
    match effect:
        case PostToSlack(webhook_secret=name) | SendEmail(username_secret=name):
            return name
        case CallBack(fn=fn):
            return name_of(fn)
