"""The report of a run: all announced changes and the outcome of each notification. ``DeliveryLog`` collects the outcomes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import attrs
from typing_extensions import override

from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.machine import Announcement
from tocsin.core.notifiers import Notifier
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Fault, Outcome, Queued, Shown, Silenced, Withheld
from tocsin.core.states import State
from tocsin.core.text import cut, name_of, one_line, quote
from tocsin.shell import queues
from tocsin.shell.current import mode_of
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import (
    Awaiting,
    Delivery,
    Interpreter,
    OnSettled,
    Queueing,
    Wrapper,
    checked,
    hand_over,
    ignore_outcome,
)
from tocsin.shell.redaction import redact

_LONGEST_SAID = 200  # characters
_IS_NO_CHANGE = "not called: no state changed"


@attrs.define(eq=False)
class Entry(Awaiting):
    """An effect, the first answer to it, and its final outcome once known. Any thread may add that."""

    effect: Effect
    then: OnSettled
    answer: Outcome = attrs.field(init=False)
    _final: Outcome | None = attrs.field(default=None, init=False)

    @property
    def outcome(self) -> Outcome:
        """The latest known outcome."""
        return self.answer if self._final is None else self._final

    def is_final(self) -> bool:
        """Return whether the outcome is final."""
        return self._final is not None

    @override
    def note(self, outcome: Outcome) -> None:
        """Keep the final outcome; that of a folded message comes from the digest."""
        self._final = outcome

    @override
    def __call__(self, outcome: Outcome) -> None:  # without a call of ``note`` for each message
        self._final = outcome
        self.then(outcome)


@attrs.frozen(eq=False)
class DeliveryLog(Queueing, Wrapper):
    """Passes each effect on to ``inner`` and keeps it with its latest known outcome."""

    inner: Interpreter = attrs.field(converter=checked)
    entries: list[Entry] = attrs.field(factory=list[Entry], init=False, repr=False)

    @property
    def mode(self) -> Notify:
        """Whether notifications are sent, printed or dropped."""
        return mode_of(self.inner)

    @property
    def below(self) -> Interpreter:
        """The interpreter below this log, and below those of the runs around it: its effects are on no report of them."""
        return self.inner.below if isinstance(self.inner, DeliveryLog) else self.inner

    def wait(self, seconds: float) -> bool:
        """Wait until all outcomes are final. Return False if they are not within ``seconds``."""
        return self._is_complete() or queues.wait_for(self._is_complete, seconds)

    def deliver(self, effect: Effect, on_settled: OnSettled = ignore_outcome) -> Entry:
        """Pass the effect on and return its entry. The final outcome goes to ``on_settled``, too. Raises nothing."""
        entry = Entry(effect, on_settled)
        entry.answer = hand_over(self.inner, effect, entry)
        self.entries.append(entry)
        return entry

    def silence(self, effect: Effect, outcome: Silenced, on_settled: OnSettled = ignore_outcome) -> Entry:
        """Return the entry of an effect that is not passed on, since its label is silent. Its outcome is final."""
        entry = Entry(effect, on_settled)
        entry.answer = outcome
        entry(outcome)
        self.entries.append(entry)
        return entry

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Pass the effect on; the final outcome goes to ``on_settled``, too."""
        return self.deliver(effect, on_settled).answer

    def _is_complete(self) -> bool:
        return all(entry.is_final() for entry in self.entries)


@attrs.frozen(repr=False, eq=False)
class RunReport:
    """The result of a run and the outcome of each notification. It is frozen, except that queued messages get a final outcome later.

    Args:
        name: the name of the task, flow, watch or command.
        run_id: the id of the run.
        state: the state at the end.
        changes: all announced changes, in order: each with the proposed change (``change``) and the state that the handlers settled on
            (``settled``). Among them is what the run said (``said``), which changed no state. Those of a flow are made when you look.
        faults: the exceptions that your code raised and tocsin caught: in handlers, predicates, checks, formatters.
    """

    name: str
    run_id: str
    state: State
    _changes: Iterable[Announcement]
    _log: DeliveryLog
    faults: tuple[Fault, ...]

    @property
    def changes(self) -> tuple[Announcement, ...]:
        """All announced changes, in order."""
        return tuple(self._changes)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Each effect with its outcome, in order, including effects of notifiers called inside your own handlers.

        A queued message is ``Queued`` until its outcome is final; ``wait`` and ``tocsin.flush()`` wait for that.
        """
        return tuple(Delivery(entry.effect, entry.outcome) for entry in self._log.entries)

    def wait(self, deadline: float | None = None) -> Self:
        """Wait until all outcomes are final, at most ``deadline`` seconds (None means ten), and return this report.

        >>> from tocsin import Flow, Recording, slack_notifier
        >>> report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=Recording()).wait()
        >>> [delivery.outcome for delivery in report.deliveries]
        [Withheld(reason='recorded'), Withheld(reason='recorded')]
        """
        self._log.wait(queues.seconds(deadline, "wait"))
        return self

    @property
    def failures(self) -> tuple[Delivery, ...]:
        """The deliveries that failed or may have failed."""
        return tuple(delivery for delivery in self.deliveries if isinstance(delivery.outcome, DeliveryError))

    def explain(self) -> str:
        """Return, for each change and handler, whether it was sent or why not. Each change is a paragraph, each handler a line.

        >>> from tocsin import DryRun, Failed, Flow, slack_notifier
        >>> print(Flow("idle", state_handlers=[slack_notifier(only_states=[Failed])]).run().explain())
        idle: Scheduled → Running("Running flow.")
            slack_notifier(only_states=[Failed]): not sent: the new state, Running, is none of Failed
        idle: Running → Success("All reference tasks succeeded.")
            slack_notifier(only_states=[Failed]): not sent: the new state, Success, is none of Failed
        """
        outcomes = {delivery.effect.key: delivery.outcome for delivery in self.deliveries}
        changes = self.changes
        lines = [line for announced in changes for line in _explain(announced, outcomes)]
        own = {announced.change.key(position) for announced in changes for position in range(len(announced.handlers))}
        others = [delivery for delivery in self.deliveries if delivery.effect.key not in own]
        lines += [f"from inside a handler, about {d.effect.key.slug}: {redact(outcome_text(d.outcome))}" for d in others]
        return "\n".join(lines + [f"survived: {one_line(redact(str(fault)))}" for fault in self.faults])

    def __repr__(self) -> str:
        many = len(self.deliveries)
        counts = f"{many} notification{'' if many == 1 else 's'}, {len(self.failures)} failed"
        return f"<{type(self).__name__} of {quote(self.name)}: {redact(quote(self.state))}, {counts}>"


def _explain(announced: Announcement, outcomes: Mapping[Key, Outcome]) -> Iterator[str]:
    change = announced.change
    index = "" if change.map_index is None else f"[{change.map_index}]"
    settled = "" if announced.settled is change.new else f", settled on {redact(quote(announced.settled))}"
    if announced.said is not None:
        yield f"{one_line(change.slug)}{index}: said {redact(quote(cut(announced.said, _LONGEST_SAID)))}"
    else:
        yield f"{one_line(change.slug)}{index}: {type(change.old).__name__} → {redact(quote(change.new))}{settled}"
    for position, handler in enumerate(announced.handlers):
        yield f"    {redact(name_of(handler))}: {redact(_handler_outcome(announced, position, outcomes))}"


def _handler_outcome(announced: Announcement, position: int, outcomes: Mapping[Key, Outcome]) -> str:
    """Return, in words, what one handler did with the change."""
    handler, change = announced.handlers[position], announced.shown_to(position)
    if position > announced.position:
        return "not notified: the handler before it ended the announcement"
    if not isinstance(handler, Notifier):
        return "called" if announced.said is None else _IS_NO_CHANGE
    outcome = outcomes.get(change.key(position))
    if outcome is None and announced.said is not None:
        return _IS_NO_CHANGE
    return f"not sent: {handler.explain(change).reason}" if outcome is None else outcome_text(outcome)


def outcome_text(outcome: Outcome) -> str:
    """Return the outcome in words."""
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
