"""A second way to tell people, for when the first one fails; and an alarm, by it, when the first one is dead.

- What went by the fallback is one WARNING in the log, which says what went wrong before; its receipt counts.
- That a destination is dead is said once in a process, whoever sends there: in the log, loudly, and by an alarm through the fallback,
  before the message that met with it. Once a message has got through again, its next death is news again.
- An alarm that fails is said loudly too, and is not repeated: the log has it, and the messages that come by the fallback show it.

Tells by several interpreters at once, and says so only where all of them did.
"""

import attrs
from returns.io import IOResult

from tocsin.core.delivery.combining import after_fallback, combined, message_for_fallback
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.fallback import dead_destination_alarm
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.messages.text import one_line
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Outcome, Receipt
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.base import Interpreter, Notify, execute, inner, notify_of, result_of
from tocsin.shell.log import complain, failure, logger, revived

_dead: dict[str, object] = {}  # by destination, who noticed; used by single steps of the interpreter, so that it needs no lock


@attrs.frozen(eq=False)
class Fallback:
    """Gives each effect to ``first``, and to ``second`` what ``first`` failed to deliver.

    A message that may have arrived goes to ``second`` only if it tells of a failure, and says that it may be a repetition. A call of
    somebody's code is made by ``first`` alone. Where both fail, the outcome is the error from which the least must be concluded, and
    tells of both.

    It comes inside what folds and queues, and outside what paces and tries again: with ``sends = RateLimited(Retrying(Live()))``, write
    ``Background(Digest(Fallback(sends, ByMail(sends))))``.

    Args:
        first: the usual way.
        second: the other one, mostly ``ByMail(...)`` or ``BySlack(...)``.

    Raises:
        TypeError: one of them is no interpreter, or one that answers later. The message says what to write.

    >>> import tocsin
    >>> Fallback(tocsin.Recording(), tocsin.Recording())
    Fallback(first=<Recording of 0 effects>, second=<Recording of 0 effects>)
    """

    first: Interpreter = attrs.field(converter=inner)
    second: Interpreter = attrs.field(converter=inner)

    @property
    def notify(self) -> Notify:
        """What child processes are to do."""
        return notify_among(self.first, self.second)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        outcome = execute(self.first, effect)
        if isinstance(effect, CallBack):
            return result_of(outcome)
        self._notice(effect, outcome)
        return result_of(self._fall_back(effect, outcome) if isinstance(outcome, DeliveryError) else outcome)

    def _fall_back(self, message: Message, error: DeliveryError) -> Outcome:
        given = message_for_fallback(message, error)
        if given is None:
            return error
        outcome = after_fallback(error, execute(self.second, given))
        if isinstance(outcome, Receipt):
            logger.warning("%s", f"{failure(message, error)}; it went by the fallback")
        return outcome

    def _notice(self, message: Message, outcome: Outcome) -> None:
        """See to it that people know that a destination is dead."""
        where, mine = str(destination(message)), object()
        if isinstance(outcome, Delivered):
            if _dead.pop(where, None) is not None:
                revived(message)
        elif isinstance(outcome, DestinationDead) and _dead.setdefault(where, mine) is mine:
            complain(message, outcome)
            self._alarm(message, outcome, where)

    def _alarm(self, message: Message, dead: DestinationDead, where: str) -> None:
        news = dead_destination_alarm(message, redact(dead.reason))
        outcome = execute(self.second, news)
        if isinstance(outcome, DeliveryError):
            logger.critical("%s", redact(one_line(f"tocsin: nobody could be told that {where} is dead: {outcome.reason}")))
        else:
            complain(news, outcome)  # of the recipients that were refused


_dead_among: set[str] = set()  # what this process has reported as dead: the place of an interpreter, and a destination


@attrs.frozen(eq=False, init=False, repr=False)
class Fanout:
    """Gives each message to all ``interpreters``, in order; a call of somebody's code only to the first: it is made once.

    The outcome is ``Delivered`` where all delivered that were to. Where some did and others failed it is ``Ambiguous``, and the reason
    says which: another try of the whole would tell some people twice. So let each part try again by itself:
    ``Fanout(Retrying(...), Retrying(...))``.

    Raises:
        TypeError: one is no interpreter, or one that answers later. The message says what to write.
        ValueError: there is none.

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
        """What child processes are to do."""
        return notify_among(*self.interpreters)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        if isinstance(effect, CallBack):
            return result_of(execute(self.interpreters[0], effect))
        outcomes = [execute(each, effect) for each in self.interpreters]
        outcome = combined(outcomes)
        if not isinstance(outcome, DestinationDead):  # which whoever gave us the effect reports loudly
            _report_dead(effect, outcomes)
        return result_of(outcome)

    def __repr__(self) -> str:
        return f"Fanout({', '.join(map(repr, self.interpreters))})"


def _report_dead(message: Message, outcomes: list[Outcome]) -> None:
    """Say of each destination that is dead that it is, once, loudly: the outcome of the whole does not show it."""
    for number, outcome in enumerate(outcomes, 1):
        where = f"number {number}, {destination(message)}"
        if isinstance(outcome, Delivered):
            _dead_among.discard(where)
        if isinstance(outcome, DestinationDead) and where not in _dead_among:
            _dead_among.add(where)
            logger.critical("%s", failure(message, outcome))


def notify_among(*interpreters: Interpreter) -> Notify:
    """What child processes of one that runs under several are to do: to send where one of these sends, else to show, else neither."""
    said = {notify_of(each) for each in interpreters}
    return "live" if "live" in said else "print" if "print" in said else "none"
