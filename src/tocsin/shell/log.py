"""Logs through the logger ``tocsin``: each failed notification is one line on standard error, which cron mails."""

import logging
from collections.abc import Sequence
from functools import cache

from tocsin.core.delivery.destinations import Destination, destination
from tocsin.core.delivery.digest import gist
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.text import cut, name_of, one_line, quote
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Fault, Outcome, Rejected, Retryable
from tocsin.shell.redaction import redact

logger: logging.Logger = logging.getLogger("tocsin")

_LONGEST = 150  # characters of a name
_dead: set[Destination | None] = set()  # destinations reported as dead by this process


def complain(effect: Effect, outcome: Outcome, *, more: int = 0) -> None:
    """Log a delivery that failed or was refused for some recipients. ``more`` counts further messages with the same outcome."""
    match outcome:
        case Retryable() | Rejected() | Ambiguous():
            logger.error("%s", failure(effect, outcome, more))
        case DestinationDead():
            logger.log(_level(effect), "%s", failure(effect, outcome, more))
        case Delivered(refused=refused) if refused:
            logger.error("tocsin: %s: refused for %s", act(effect), one_line(", ".join(refused)))
        case _:
            pass


@cache
def once(text: str) -> None:
    """Log the text as an error, once in a process."""
    logger.error("%s", redact(one_line(f"tocsin: {text}")))


def failure(effect: Effect, error: DeliveryError, more: int = 0) -> str:
    """Return what failed and why, in one line without a secret."""
    verb = "may have failed to" if isinstance(error, Ambiguous) else "could not"
    others = f" and {more:,} more" if more else ""
    return redact(one_line(f"tocsin: {verb} {act(effect)}{others}: {error.reason}"))


def act(effect: Effect) -> str:
    """Return what an effect does, in words."""
    match effect:
        case PostToSlack(key=key):
            return f"tell Slack of {cut(one_line(key.slug), _LONGEST)!r}"
        case SendEmail(key=key):
            return f"mail about {cut(one_line(key.slug), _LONGEST)!r}"
        case CallBack(key=key, fn=fn):
            return f"call {name_of(fn)} for {cut(one_line(key.slug), _LONGEST)!r}"


def folded(whole: Message, messages: Sequence[Message]) -> None:
    """Log each message that the digest ``whole`` contains, at level INFO."""
    if logger.isEnabledFor(logging.INFO):
        for message in messages:
            logger.info("%s", redact(f"tocsin: in the digest {quote(str(whole.key))}: {gist(message)}"))


def note(fault: Fault) -> None:
    """Log an exception that user code raised and tocsin caught."""
    logger.warning("%s", redact(one_line(f"tocsin: {fault}")))


def _level(effect: Effect) -> int:
    """Return CRITICAL for the first failure at a dead destination, ERROR for the following ones."""
    where = destination(effect)
    if where in _dead:
        return logging.ERROR
    _dead.add(where)
    return logging.CRITICAL


def revived(effect: Effect) -> None:
    """Note that the effect's destination works again: its next failure is CRITICAL again."""
    _dead.discard(destination(effect))
