"""Logs through the logger ``tocsin``: each failed notification is one line on standard error, which cron mails."""

import logging
from collections.abc import Hashable, Sequence
from contextlib import suppress

from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.digest import gist
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail, is_edit
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Fault, Outcome, Rejected, Retryable
from tocsin.core.text import cut, is_a, name_of, one_line, quote
from tocsin.shell.redaction import redact

logger: logging.Logger = logging.getLogger("tocsin")

_LONGEST = 150  # characters of a name


class Outages:
    """Remembers what is out of order, so that each outage is reported once. Threads and signal handlers may use it."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, object] = {}  # each access is atomic, so it needs no lock

    def begins(self, what: Hashable) -> bool:
        """Note an outage of ``what``. Return whether it is new, and so to be reported."""
        mine = object()
        return self._begun.setdefault(what, mine) is mine

    def ends(self, what: Hashable) -> bool:
        """Note the end of an outage of ``what``. Return whether there was one."""
        return self._begun.pop(what, None) is not None

    def clear(self) -> None:
        """Note the end of all outages."""
        self._begun.clear()


class Worded(Exception):
    """An exception of tocsin's own in a function that it calls. Its message is the whole reason, for people.

    ``is_logged`` says whether the log has the reason already.
    """

    def __init__(self, message: str, *, is_logged: bool = False) -> None:
        super().__init__(message)
        self.is_logged = is_logged


outages: Outages = Outages()
"""The outages of this process. A forked child knows those of its parent."""


def complain(effect: Effect, outcome: Outcome, *, more: int = 0) -> None:
    """Log a delivery that failed or was refused for some recipients. ``more`` counts further messages with the same outcome.

    A failed edit is no failed delivery.
    """
    if is_edit(effect):
        return
    match outcome:
        case Rejected(cause=cause) if cause is not None and is_a(cause, Worded) and cause.is_logged:
            pass
        case Retryable() | Rejected() | Ambiguous():
            logger.error("%s", failure(effect, outcome, more))
        case DestinationDead():
            level = logging.CRITICAL if outages.begins(destination(effect)) else logging.ERROR
            logger.log(level, "%s", failure(effect, outcome, more))
        case Delivered(refused=refused) if refused:
            logger.error("%s", refusal(effect, outcome, more))
        case _:
            pass


def once(text: str) -> None:
    """Log the text as an error, once in a process."""
    if outages.begins(text):
        logger.error("%s", one_line(redact(f"tocsin: {text}")))


def surely(text: str) -> None:
    """Do what ``once`` does, from inside a user's work, which a handler of ``logging`` that raises must not harm."""
    with suppress(Exception):
        once(text)


def failure(effect: Effect, error: DeliveryError, more: int = 0) -> str:
    """Return what failed and why, in one line without a secret."""
    verb = "may have failed to" if isinstance(error, Ambiguous) else "could not"
    return one_line(f"tocsin: {verb} {act(effect)}{_others(effect, more)}: {redact(error.reason)}")


def refusal(effect: Effect, receipt: Delivered, more: int = 0) -> str:
    """Return which recipients were refused and why, in one line without a secret."""
    return one_line(f"tocsin: {act(effect)}{_others(effect, more)}: refused for {redact(receipt.refusals)}")


def _others(effect: Effect, more: int) -> str:
    """Return how many further messages had the outcome; those in a digest count, too."""
    digest = _digest_in(effect)
    count = more if digest is None else max(more, digest.count - 1)
    return f" and {count:,} more" if count else ""


def _digest_in(effect: Effect) -> DigestSummary | None:
    content = None if isinstance(effect, CallBack) else effect.content
    return content if isinstance(content, DigestSummary) else None


def act(effect: Effect) -> str:
    """Return what an effect does, in words. A digest is called by its first message."""
    digest = _digest_in(effect)
    name = cut(one_line((effect if digest is None else digest).key.slug), _LONGEST)
    match effect:
        case PostToSlack():
            return f"tell Slack of {name!r}"
        case SendEmail():
            return f"mail about {name!r}"
        case CallBack(fn=fn):
            return f"call {name_of(fn)} for {name!r}"


def folded(whole: Message, messages: Sequence[Message]) -> None:
    """Log each message that the digest ``whole`` contains, at level INFO."""
    if logger.isEnabledFor(logging.INFO):
        for message in messages:
            logger.info("tocsin: in the digest %s: %s", quote(str(whole.key)), gist(redacted_message(message, redact)))


def note(fault: Fault) -> None:
    """Log an exception that user code raised and tocsin caught."""
    logger.warning("%s", one_line(redact(f"tocsin: {fault}")))
