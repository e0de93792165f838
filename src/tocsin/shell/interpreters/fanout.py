"""Tells by several interpreters at once, and says so only where all of them did."""

import attrs
from returns.io import IOResult

from tocsin.core.delivery.combine import together
from tocsin.core.delivery.routes import destination
from tocsin.core.effects import CallBack, Effect, Message
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Outcome, Receipt
from tocsin.shell.interpreters.protocol import Interpreter, Notify, execute, inner, notify_of, result_of
from tocsin.shell.log import failure, logger

_dead: set[str] = set()  # what this process has reported as dead: the place of an interpreter, and a destination


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
        outcome = together(outcomes)
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
            _dead.discard(where)
        if isinstance(outcome, DestinationDead) and where not in _dead:
            _dead.add(where)
            logger.critical("%s", failure(message, outcome))


def notify_among(*interpreters: Interpreter) -> Notify:
    """What child processes of one that runs under several are to do: to send where one of these sends, else to show, else neither."""
    said = {notify_of(each) for each in interpreters}
    return "live" if "live" in said else "print" if "print" in said else "none"
