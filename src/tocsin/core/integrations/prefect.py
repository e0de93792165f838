"""What Prefect 3 says of its flow runs and task runs, and what it means. Seen in 3.9.1.

- A hook gets a state. Its type and its name decide what it means: ``Cached`` is a name of the type COMPLETED, ``TimedOut`` is one of
  FAILED, ``Running`` and ``Retrying`` are of RUNNING.
- A task run counts an attempt when it begins. A flow run is counted by the server: in ``on_running`` its count is one behind.
- No hook is called for a task run that crashed, never started, or returned a Cancelled state. A flow's last message lists them.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.events import UNKNOWN, Detail, Event, Facts
from tocsin.core.integrations import facts
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.core.integrations.summary import TaskEnd, summary
from tocsin.core.states import State
from tocsin.core.values import Value

EVENTS: Mapping[str, tuple[type[State], ...]] = {
    "task on_running": (s.Running, s.Retrying, s.Aborted),
    "task on_completion": (s.Success, s.Cached, s.Skipped),
    "task on_failure": (s.Failed, s.TimedOut),
    "flow on_running": (s.Running, s.Retrying),
    "flow on_completion": (s.Success, s.Skipped),
    "flow on_failure": (s.Failed, s.TimedOut),
    "flow on_crashed": (s.Aborted,),
    "flow on_cancellation": (s.Aborted,),
    "at the flow's end, a task run: Crashed, Cancelled": (s.Aborted,),
    "at the flow's end, a task run: NotReady": (s.TriggerFailed,),
}
"""For each hook, and for what is found at a flow's end, the kinds of states that it can lead to."""

_KINDS: Mapping[str, type[State]] = {
    "SCHEDULED": s.Scheduled,
    "PENDING": s.Pending,
    "RUNNING": s.Running,
    "COMPLETED": s.Success,
    "FAILED": s.Failed,
    "CRASHED": s.Aborted,
    "CANCELLING": s.Aborted,
    "CANCELLED": s.Aborted,
    "PAUSED": s.Paused,
}
_NAMED: Mapping[tuple[str, str], type[State]] = {
    ("SCHEDULED", "AwaitingRetry"): s.Retrying,
    ("PENDING", "NotReady"): s.TriggerFailed,
    ("COMPLETED", "Cached"): s.Cached,
    ("COMPLETED", "Skipped"): s.Skipped,
    ("FAILED", "TimedOut"): s.TimedOut,
}

_INDEXED = re.compile(r"(.+)\[(\d{1,6})\]", re.DOTALL)
_SUFFIX = re.compile(r"[0-9a-f]{3}")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PREFIX = re.compile(r"(?:Task|Flow) run encountered an exception:? ")
_NO_TIME = datetime.fromtimestamp(0, UTC)
_INTERRUPTED, _TIMED_OUT = e.Interrupted(_NO_TIME).message, e.TimedOutAt(_NO_TIME).message
"""What tocsin itself says of such an end, beside the exception."""


def _at(given: object) -> datetime:
    return facts.moment(given) or _NO_TIME


def _word(given: object) -> str:
    return facts.text(given) or ""


@attrs.frozen(eq=False, repr=False)
class Said(Value):
    """A state of a run, as a hook gets it.

    Args:
        name: the name of the task or of the flow, for people.
        run_id: the id of the task run or of the flow run.
        state_type: the type of the state, as ``RUNNING``.
        state_name: its name, as ``Retrying``.
        at: when the run entered the state; the beginning of 1970 if that is not known.
        message: the message of the state.
        error: the exception: of a state that ended the run, or in flight while an ``on_running`` hook is called.
        run_count: how many attempts began, as Prefect counts them.
        retries: how many attempts may follow the first.
        started: when this attempt began.
        took: how long this attempt took.
        run_took: how long all attempts took, if there were several.
        link: the page of the run.
    """

    name: str = attrs.field(default="", converter=facts.name)
    run_id: str = attrs.field(default="", converter=facts.identity)
    state_type: str = attrs.field(default="", converter=_word)
    state_name: str = attrs.field(default="", converter=_word)
    at: datetime = attrs.field(default=None, converter=_at)
    message: str | None = attrs.field(default=None, converter=facts.text)
    error: BaseException | None = attrs.field(default=None, converter=facts.error)
    run_count: int = attrs.field(default=0, converter=facts.counted)
    retries: int = attrs.field(default=0, converter=facts.counted)
    started: datetime | None = attrs.field(default=None, converter=facts.moment)
    took: timedelta | None = attrs.field(default=None, converter=facts.duration)
    run_took: timedelta | None = attrs.field(default=None, converter=facts.duration)
    link: str | None = attrs.field(default=None, converter=facts.link)

    @property
    def attempt(self) -> int:
        """The 1-based number of the attempt."""
        return max(self.run_count, 1)

    @property
    def kind(self) -> type[State] | None:
        """The kind that the state means; None for a type that is not known."""
        return _NAMED.get((self.state_type, self.state_name)) or _KINDS.get(self.state_type)

    @property
    def reason(self) -> str | None:
        """The message without the words that Prefect puts before an exception."""
        return None if self.message is None else _PREFIX.sub("", self.message, count=1)


@attrs.frozen(eq=False, repr=False)
class TaskSaid(Said):
    """A state of a task run.

    Args:
        map_index: its index, if its name has one.
        flow: the name of the flow that it is a part of.
        crashed: whether ``on_running`` is called again for the same attempt, because ``error`` leaves the run.
    """

    map_index: int | None = attrs.field(default=None, converter=facts.whole)
    flow: str | None = attrs.field(default=None, converter=facts.text)
    crashed: bool = attrs.field(default=False, converter=facts.flag)


def _tasks(given: object) -> tuple[TaskSaid, ...]:
    return facts.several(lambda each: each if isinstance(each, TaskSaid) else None)(given)


@attrs.frozen(eq=False, repr=False)
class FlowSaid(Said):
    """A state of a flow run.

    Args:
        run_name: the name that Prefect, or a template, gave to the run.
        again: whether an earlier attempt ran in the same process, so that this one follows its failure.
        tasks: the task runs of the flow run, at its end.
        left_out: whether there are more of them, which could not be read in time.
    """

    run_name: str | None = attrs.field(default=None, converter=facts.text)
    again: bool = attrs.field(default=False, converter=facts.flag)
    tasks: tuple[TaskSaid, ...] = attrs.field(default=(), converter=_tasks)
    left_out: bool = attrs.field(default=False, converter=facts.flag)

    @property
    def attempt(self) -> int:
        """The 1-based number of the attempt, which the count is behind of in ``on_running``."""
        return self.run_count + 1 if self.state_type == "RUNNING" else max(self.run_count, 1)


def run_of(said: Said) -> ForeignRun:
    """Return the run that a record is about."""
    part, index = (said.flow, said.map_index) if isinstance(said, TaskSaid) else (None, None)
    return ForeignRun(said.name, said.run_id, part, index, said.attempt, said.retries + 1, started=said.started, link=said.link)


def translate(said: Said) -> tuple[Event, ...]:
    """Return the events that a state means, in order; none for a state that no hook is called with.

    >>> said = TaskSaid("load", "r1", "RUNNING", "Retrying", run_count=2, retries=2)
    >>> [type(event).__name__ for event in translate(said)]
    ['Signalled', 'Started']
    """
    match said.state_type:
        case "RUNNING":
            return _running(said)
        case "COMPLETED":
            return (_completed(said),)
        case "FAILED":
            return (_failed(said),)
        case "CRASHED" | "CANCELLING" | "CANCELLED":
            return (e.Interrupted(said.at, said.error, _stopped(said), facts=_facts(said), took=said.took, run_took=said.run_took),)
        case "PENDING" if said.kind is s.TriggerFailed:
            return (e.TriggerNotMet(said.at, said.message or "Trigger failed"),)
        case _:
            return ()


def _running(said: Said) -> tuple[Event, ...]:
    """Return the start of an attempt, after the failure of the one before; or the crash of a task run that no hook is called for."""
    if isinstance(said, TaskSaid) and said.crashed:
        return (e.Interrupted(said.at, said.error, _stopped(said), took=said.took, run_took=said.run_took),)
    follows = said.again if isinstance(said, FlowSaid) else said.state_name == "Retrying"
    started = e.Started(said.at, None)
    if not follows or said.attempt == 1:
        return (started,)
    retrying = s.Retrying(said.message, said.error)
    return e.Signalled(said.at, state=retrying, attempt=said.attempt - 1), started


def _stopped(said: Said) -> str:
    """Return what is said beside the exception of a run that was stopped: nothing of Prefect's, which words the exception once more."""
    if said.error is not None:
        return _INTERRUPTED
    return said.message or f"{said.state_name.capitalize() or 'Stopped'}."


def _completed(said: Said) -> Event:
    known, kind = _facts(said), said.kind
    if kind is s.Cached or kind is s.Skipped:
        return e.Signalled(
            said.at, state=kind(said.message), ends=True, attempt=said.attempt, facts=known, took=said.took, run_took=said.run_took
        )
    named = None if said.state_name in {"", "Completed"} else said.state_name
    message = ": ".join(text for text in (named, said.message) if text) or None
    return e.Succeeded(said.at, None, message, facts=known, took=said.took, run_took=said.run_took)


def _failed(said: Said) -> Event:
    known = _facts(said)
    if said.kind is s.TimedOut:
        message = _TIMED_OUT if said.error is not None else said.message or "timed out"
        return e.TimedOutAt(said.at, message, said.error, facts=known, took=said.took, run_took=said.run_took)
    if said.error is not None:
        return e.Raised(said.at, error=said.error, facts=known, took=said.took, run_took=said.run_took)
    state = s.Failed(said.reason)
    return e.Signalled(said.at, state=state, ends=True, attempt=said.attempt, facts=known, took=said.took, run_took=said.run_took)


def _facts(said: Said) -> Facts:
    """Return what the message of a flow's end says of the run and of its tasks."""
    if not isinstance(said, FlowSaid):
        return UNKNOWN
    details = list(summary([TaskEnd(each.name, each.kind or s.State, _why(each), each.map_index) for each in said.tasks], said.link))
    if said.left_out:
        details.append(Detail("Tasks left out", "there are more, which could not be read in time"))
    if said.run_name is not None:
        details.append(Detail("Flow run", said.run_name))
    return Facts(details=tuple(details))


def _why(said: TaskSaid) -> str | None:
    kind = said.kind
    return None if kind is None or issubclass(kind, s.Success) else said.reason


def named(run_name: object, dynamic_key: object) -> tuple[str, int | None]:
    """Return the name and the map index of a task run, by the name that Prefect shows.

    Prefect adds the first three digits of a random key to the name of the task, which are left out. A template such as
    ``task_run_name="load[{i}]"`` gives the index.

    >>> named("load-3f2", "3f2a9c"), named("load[12]", "3f2a9c"), named("load-eu", "3f2a9c")
    (('load', None), ('load', 12), ('load-eu', None))
    """
    shown, suffix = facts.name(run_name), _word(dynamic_key)[:3]
    if _SUFFIX.fullmatch(suffix) and shown.endswith(f"-{suffix}"):
        return facts.name(shown[: -len(suffix) - 1]), None
    found = _INDEXED.fullmatch(shown)
    return (shown, None) if found is None else (found[1], int(found[2]))


def with_names(tasks: Iterable[TaskSaid]) -> tuple[TaskSaid, ...]:
    """Return the tasks of a run with the names of others, in place of their ids, in their messages."""
    every = tuple(tasks)
    names = {each.run_id: each.name for each in every}
    return tuple(
        [
            each if each.message is None else attrs.evolve(each, message=_ID.sub(lambda id_: names.get(id_[0], id_[0]), each.message))
            for each in every
        ]
    )


def stopped_unheard(said: TaskSaid) -> bool:
    """Return whether a task run at a flow's end began, and ended in a way that no hook is called for."""
    return said.state_type in {"CRASHED", "CANCELLED"} and said.run_count > 0


ENGINE: Engine[Said] = Engine("Prefect", run_of, translate)
