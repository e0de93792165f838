"""One line on standard error for a notification that failed, so that cron mails it: through the logger ``tocsin``."""

import logging
from collections.abc import Sequence
from functools import cache

from tocsin.core.delivery.destinations import Destination, destination
from tocsin.core.delivery.digest import gist
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.text import cut, name_of, one_line, quote
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Fault, Outcome, Rejected, Retryable
from tocsin.shell.adapters.redaction import redact

logger: logging.Logger = logging.getLogger("tocsin")

_LONGEST = 150  # characters of a name
_dead: set[Destination | None] = set()  # destinations reported as dead by this process


def complain(effect: Effect, outcome: Outcome, *, more: int = 0) -> None:
    """Say that a delivery failed, or reached only some; say nothing of one that went well. ``more`` others fared the same with it."""
    match outcome:
        case Retryable() | Rejected() | Ambiguous():
            logger.error("%s", failure(effect, outcome, more))
        case DestinationDead():
            logger.log(_loudness(effect), "%s", failure(effect, outcome, more))
        case Delivered(refused=refused) if refused:
            logger.error("tocsin: %s: refused for %s", act(effect), one_line(", ".join(refused)))
        case _:
            pass


@cache
def once(text: str) -> None:
    """Say something that is as true the next time, once in a process."""
    logger.error("%s", redact(one_line(f"tocsin: {text}")))


def failure(effect: Effect, error: DeliveryError, more: int = 0) -> str:
    """What failed and why, in one line without a secret."""
    doubt = "may have failed to" if isinstance(error, Ambiguous) else "could not"
    others = f" and {more:,} more" if more else ""
    return redact(one_line(f"tocsin: {doubt} {act(effect)}{others}: {error.reason}"))


def act(effect: Effect) -> str:
    """What an effect does, in words."""
    match effect:
        case PostToSlack(key=key):
            return f"tell Slack of {cut(one_line(key.slug), _LONGEST)!r}"
        case SendEmail(key=key):
            return f"mail about {cut(one_line(key.slug), _LONGEST)!r}"
        case CallBack(key=key, fn=fn):
            return f"call {name_of(fn)} for {cut(one_line(key.slug), _LONGEST)!r}"


def folded(whole: Message, messages: Sequence[Message]) -> None:
    """Say of each message that it is in the digest ``whole``: for those who want the rest, at level INFO."""
    if logger.isEnabledFor(logging.INFO):
        for message in messages:
            logger.info("%s", redact(f"tocsin: in the digest {quote(str(whole.key))}: {gist(message)}"))


def note(fault: Fault) -> None:
    """Say that code of the user's raised, and was survived."""
    logger.warning("%s", redact(one_line(f"tocsin: {fault}")))


def _loudness(effect: Effect) -> int:
    """A destination that is dead is reported loudly, once; that each message to it fails is said quietly."""
    where = destination(effect)
    if where in _dead:
        return logging.ERROR
    _dead.add(where)
    return logging.CRITICAL


def revived(effect: Effect) -> None:
    """Where the effect leads is not dead any more: that it dies again is to be said loudly."""
    _dead.discard(destination(effect))
