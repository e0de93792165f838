"""``Fallback`` sends by a second interpreter what a first one failed to deliver; ``Fanout`` sends by several interpreters.

- A message that the fallback delivered is one WARNING in the log, with the error of the first interpreter. Its outcome is the
  fallback's.
- A dead destination is reported once in a process: in the log at level CRITICAL, and by an alarm through the fallback, before the
  message that failed there. After a delivery to it, its next death is reported again.
- An alarm that fails is logged at level CRITICAL and not repeated: the messages sent by the fallback show the dead destination, too.
- ``Fanout`` is ``Delivered`` only if all its interpreters delivered.
"""

import attrs
from typing_extensions import override

from tocsin.core.delivery.combining import after_fallback, combined, message_for_fallback
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.fallback import dead_destination_alarm
from tocsin.core.effects import CallBack, Effect, Message, is_edit
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Outcome, Receipt
from tocsin.core.text import one_line
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Interpreter, Performer, execute, inner, notify_of
from tocsin.shell.log import complain, failure, logger, outages
from tocsin.shell.redaction import redact


@attrs.frozen(eq=False)
class Fallback(Performer):
    """Passes each effect to ``first``, and to ``second`` if ``first`` failed to deliver it.

    A message that may have arrived goes to ``second`` only if it reports a failure, with a note that it may be a repetition. Only
    ``first`` makes calls of user functions and edits. If both fail, the outcome names both reasons, and is the first of ``Ambiguous``,
    ``Retryable``, ``Rejected`` and ``DestinationDead`` that is among the two.

    It belongs inside digests and queues, and outside rate limits and retries: with ``sends = RateLimited(Retrying(Live()))``, write
    ``Background(Digest(Fallback(sends, ByMail(sends))))``.

    Args:
        first: the usual interpreter.
        second: the fallback, mostly ``ByMail(...)`` or ``BySlack(...)``.

    Raises:
        TypeError: one of them is no interpreter, or is a queueing one. The message says what to write.

    >>> import tocsin
    >>> Fallback(tocsin.Recording(), tocsin.Recording())
    Fallback(first=<Recording of 0 effects>, second=<Recording of 0 effects>)
    """

    first: Interpreter = attrs.field(converter=inner)
    second: Interpreter = attrs.field(converter=inner)

    @property
    def notify(self) -> Notify:
        """What child processes do with notifications."""
        return notify_among(self.first, self.second)

    @override
    def parts(self) -> tuple[Interpreter, ...]:
        return self.first, self.second

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        outcome = execute(self.first, effect)
        if isinstance(effect, CallBack) or is_edit(effect):
            return outcome
        self._report_death(effect, outcome)
        return self._fall_back(effect, outcome) if isinstance(outcome, DeliveryError) else outcome

    def _fall_back(self, message: Message, error: DeliveryError) -> Outcome:
        given = message_for_fallback(message, error)
        if given is None:
            return error
        outcome = after_fallback(error, execute(self.second, given))
        if isinstance(outcome, Receipt):
            logger.warning("%s", f"{failure(message, error)}; the fallback delivered it")
        return outcome

    def _report_death(self, message: Message, outcome: Outcome) -> None:
        """Log a dead destination and raise an alarm, once; after a delivery, note that the destination works again."""
        where = destination(message)
        if isinstance(outcome, Delivered):
            if outages.ends(("first of a fallback", where)):
                outages.ends(where)
        elif isinstance(outcome, DestinationDead) and outages.begins(("first of a fallback", where)):
            complain(message, outcome)
            self._alarm(message, outcome, str(where))

    def _alarm(self, message: Message, dead: DestinationDead, where: str) -> None:
        alarm = dead_destination_alarm(message, redact(dead.reason))
        outcome = execute(self.second, alarm)
        if isinstance(outcome, DeliveryError):
            logger.critical("%s", one_line(redact(f"tocsin: the alarm that {where} is dead failed: {outcome.reason}")))
        else:
            complain(alarm, outcome)  # logs refused recipients


@attrs.frozen(eq=False, init=False, repr=False)
class Fanout(Performer):
    """Passes each message to all ``interpreters``, in order. A call of a user function, or an edit, goes to the first one only.

    The outcome is a receipt, like ``Delivered``, only if no interpreter failed. If some delivered and others failed, it is
    ``Ambiguous``, and the reason names the failed ones: a retry of the whole would notify some people twice. So let each part retry
    by itself: ``Fanout(Retrying(...), Retrying(...))``.

    Raises:
        TypeError: one is no interpreter, or is a queueing one. The message says what to write.
        ValueError: no interpreter is given.

    >>> import tocsin
    >>> Fanout(tocsin.Recording(), tocsin.Recording())
    Fanout(<Recording of 0 effects>, <Recording of 0 effects>)
    """

    interpreters: tuple[Interpreter, ...]

    def __init__(self, *interpreters: Interpreter) -> None:
        if not interpreters:
            raise ValueError("Fanout needs an interpreter at least: write Fanout(Live(), ByMail(Live()))")
        object.__setattr__(self, "interpreters", tuple(inner(each) for each in interpreters))

    @property
    def notify(self) -> Notify:
        """What child processes do with notifications."""
        return notify_among(*self.interpreters)

    @override
    def parts(self) -> tuple[Interpreter, ...]:
        return self.interpreters

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        if isinstance(effect, CallBack) or is_edit(effect):
            return execute(self.interpreters[0], effect)
        outcomes = [execute(each, effect) for each in self.interpreters]
        outcome = combined(outcomes)
        if not isinstance(outcome, DestinationDead):  # the caller reports that one
            _report_dead(effect, outcomes)
        return outcome

    def __repr__(self) -> str:
        return f"Fanout({', '.join(map(repr, self.interpreters))})"


def _report_dead(message: Message, outcomes: list[Outcome]) -> None:
    """Log each dead destination once, at level CRITICAL: the combined outcome does not show it."""
    for number, outcome in enumerate(outcomes, 1):
        where = (number, destination(message))
        if isinstance(outcome, Delivered):
            outages.ends(where)
        if isinstance(outcome, DestinationDead) and outages.begins(where):
            logger.critical("%s", failure(message, outcome))


def notify_among(*interpreters: Interpreter) -> Notify:
    """Return what child processes under several interpreters do: send if one of them sends, else print if one prints, else neither."""
    modes = {notify_of(each) for each in interpreters}
    return "live" if "live" in modes else "print" if "print" in modes else "none"
