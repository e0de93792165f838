"""Writes down what another interpreter was given and how it went: a run's report is made from it.

What became of something that was run: all that was announced, and how each notification went.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Self

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.machine import Announcement
from tocsin.core.messages.text import name_of, one_line, quote
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Fault, Outcome, Queued, Receipt, Shown, Withheld
from tocsin.core.states import State
from tocsin.shell import queues
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.base import Delivery, Interpreter, Notify, Queueing, hand_over, ignore_outcome, notify_of, result_of


@attrs.frozen(eq=False)
class _Entry:
    """An effect, the answer to it, and in ``ends`` what became of it, once that is known: any thread may write it down."""

    effect: Effect
    answer: Outcome
    ends: list[Outcome]


@attrs.frozen(eq=False)
class DeliveryLog(Queueing):
    """Passes each effect on to ``inner``, and keeps it with its outcome: the one that is known so far."""

    inner: Interpreter
    _lines: list[_Entry] = attrs.field(factory=list[_Entry], init=False, repr=False)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All effects so far with their outcomes, in the order in which they were taken."""
        return tuple(Delivery(line.effect, line.ends[0] if line.ends else line.answer) for line in self._lines)

    @property
    def notify(self) -> Notify:
        """What child processes are to do: what the inner interpreter says."""
        return notify_of(self.inner)

    def wait(self, seconds: float) -> bool:
        """Wait until all outcomes are known; False where ``seconds`` were not enough."""
        return self._ended() or queues.wait_for(self._ended, seconds)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Pass the effect on."""
        return result_of(self.submit(effect, ignore_outcome))

    @override
    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome:
        """The same; what becomes of it is told to ``settled``, too."""
        ends: list[Outcome] = []

        def ended(outcome: Outcome) -> None:
            ends.append(outcome)
            on_settled(outcome)

        outcome = hand_over(self.inner, effect, ended)
        self._lines.append(_Entry(effect, outcome, ends))
        return outcome

    def _ended(self) -> bool:
        return all(line.ends for line in self._lines)


@attrs.frozen(repr=False, eq=False)
class RunReport:
    """How a run went, and who was told of it. It is frozen, but for the outcomes of what is still to be sent, which become known.

    Args:
        name: what people call what was run.
        run_id: names the run.
        state: the state at the end.
        changes: all changes that were announced, in order: each with the change proposed (``change``), and the state that the
            handlers settled on (``settled``).
        faults: each piece of your code that raised and was survived: handlers, predicates, checks, formatters.
    """

    name: str
    run_id: str
    state: State
    changes: tuple[Announcement, ...]
    _logbooks: tuple[DeliveryLog, ...]
    faults: tuple[Fault, ...]

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Each effect with its outcome, in order, those of notifiers called inside your own handlers among them.

        What was queued is ``Queued`` until it is known how it went: ``wait`` for that, or ``tocsin.flush()``.
        """
        return tuple(delivery for logbook in self._logbooks for delivery in logbook.deliveries)

    def wait(self, deadline: float | None = None) -> Self:
        """Wait until all outcomes are known, ``deadline`` seconds at most (None: ten), and return this very account.

        >>> from tocsin import Flow, Recording, slack_notifier
        >>> report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=Recording()).wait()
        >>> [delivery.outcome for delivery in report.deliveries]
        [Withheld(reason='recorded'), Withheld(reason='recorded')]
        """
        until = time.monotonic() + queues.seconds(deadline, "wait")
        for logbook in self._logbooks:
            logbook.wait(until - time.monotonic())
        return self

    @property
    def failures(self) -> tuple[Delivery, ...]:
        """The deliveries that failed, or may have."""
        return tuple(delivery for delivery in self.deliveries if isinstance(delivery.outcome, DeliveryError))

    def explain(self) -> str:
        """For each change and each handler: sent, or why not. One change a paragraph, one handler a line.

        >>> from tocsin import DryRun, Failed, Flow, slack_notifier
        >>> print(Flow("idle", state_handlers=[slack_notifier(only_states=[Failed])]).run().explain())
        idle: Scheduled → Running("Running flow.")
            slack_notifier(only_states=[Failed]): not sent: the new state, Running, is none of Failed
        idle: Running → Success("All reference tasks succeeded.")
            slack_notifier(only_states=[Failed]): not sent: the new state, Success, is none of Failed
        """
        outcomes = {delivery.effect.key: delivery.outcome for delivery in self.deliveries}
        lines = [line for told in self.changes for line in _explained(told, outcomes)]
        own = {told.change.key(position) for told in self.changes for position in range(len(told.handlers))}
        others = [delivery for delivery in self.deliveries if delivery.effect.key not in own]
        lines += [f"from inside a handler, about {d.effect.key.slug}: {outcome_text(d.outcome)}" for d in others]
        return redact("\n".join(lines + [f"survived: {one_line(str(fault))}" for fault in self.faults]))

    def __repr__(self) -> str:
        failed = len(self.failures)
        return f"<{type(self).__name__} of {quote(self.name)}: {self.state!r}, {len(self.deliveries)} notifications, {failed} failed>"


def _explained(told: Announcement, outcomes: Mapping[Key, Outcome]) -> Iterator[str]:
    change = told.change
    index = "" if change.map_index is None else f"[{change.map_index}]"
    settled = "" if told.settled is change.new else f", settled on {told.settled!r}"
    yield f"{one_line(change.slug)}{index}: {type(change.old).__name__} → {change.new!r}{settled}"
    for position, handler in enumerate(told.handlers):
        yield f"    {name_of(handler)}: {_fate(told, position, outcomes)}"


def _fate(told: Announcement, position: int, outcomes: Mapping[Key, Outcome]) -> str:
    """What became of the change at one handler."""
    handler, change = told.handlers[position], told.shown_to(position)
    if position > told.position:
        return "not told: the handler before it ended the announcement"
    if not isinstance(handler, Notifier):
        return "called"
    outcome = outcomes.get(change.key(position))
    return f"not sent: {handler.explain(change).reason}" if outcome is None else outcome_text(outcome)


def outcome_text(outcome: Outcome) -> str:
    """An outcome as a person would say it."""
    match outcome:
        case Delivered(refused=refused, in_digest=digest):
            folded = "" if digest is None else " in a digest"
            return f"delivered{folded}, but refused for {', '.join(refused)}" if refused else f"delivered{folded}"
        case Queued(where=where):
            return f"queued in {where}"
        case Withheld(reason=reason):
            return f"withheld: {reason}"
        case Shown():
            return "shown, not sent"
        case Ambiguous(reason=reason):
            return f"unknown: {reason}"
        case _:
            return f"failed: {outcome.reason}"
