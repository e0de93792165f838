"""The records of a run of Dagster's, out of its event log.

- The log does not number attempts: those of a step are counted.
- A step whose process was killed has an error without a word. The reason is in an event of the engine before it.
- What our hook told is not told again: the log says of which attempts the hook was called.
- A step that never ran is in the plan, and not in the log.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from tocsin.core import states as s
from tocsin.core.integrations import facts as f
from tocsin.core.integrations.dagster import ENDS, Record, RunRecord, StepEnd, StepRecord, event_name, kind_of, links, over_time
from tocsin.core.states import State
from tocsin.core.values import Value

HOOK = "tocsin"
"""The name of our hook, by which the log tells that it was called."""

_STARTS = frozenset({"STEP_START", "STEP_RESTARTED"})
_RUN_ENDS = frozenset({"RUN_SUCCESS", "RUN_FAILURE", "RUN_CANCELED"})
_CALLED = frozenset({"HOOK_COMPLETED", "HOOK_ERRORED"})
_CRASH = re.compile(r"child process for step .+? ((?:was|unexpectedly) [^.]*)", re.DOTALL)
_DYNAMIC = "[?]"  # the end of a key in the plan whose children are not known yet


def _keys(given: object) -> tuple[str, ...]:
    return f.several(f.text)(given)


@attrs.frozen(eq=False, repr=False)
class Entry(Value):
    """An entry of the log; the facts are those of ``StepRecord``.

    Args:
        at: when it happened; None in the log of a result, which has no times.
        message: what Dagster says.
    """

    event: str = attrs.field(default=None, converter=event_name)
    step_key: str | None = attrs.field(default=None, converter=f.text)
    at: datetime | None = attrs.field(default=None, converter=f.moment)
    took: timedelta | None = attrs.field(default=None, converter=f.duration)
    chain: tuple[tuple[str, str], ...] = attrs.field(default=None, converter=links)
    message: str | None = attrs.field(default=None, converter=f.text)
    wait: timedelta | None = attrs.field(default=None, converter=f.duration)
    retries: int | None = attrs.field(default=None, converter=f.whole)


@attrs.frozen(eq=False, repr=False)
class Log(Value):
    """The event log of a run.

    Args:
        entries: its entries, in order.
        job: the name of the job.
        run_id: Dagster's id of the run.
        plan: the keys of all steps that were to run.
        now: what stands for the time of an entry that has none.
        link: a page about the run.
    """

    entries: tuple[Entry, ...]
    job: str
    run_id: str
    plan: tuple[str, ...] = attrs.field(default=None, converter=_keys)
    now: datetime | None = None
    link: str | None = None


@attrs.define
class _Step:
    """What the log has said of a step so far."""

    attempt: int = 0
    started: datetime | None = None
    kind: type[State] = s.Pending
    reason: str = ""
    crash: str | None = None


def records(log: Log, *, each: bool = True, summary: bool = True) -> tuple[Record, ...]:
    """Return what a log says, in order: of the steps if ``each``, of the run if ``summary``."""
    said = _walk(log, _told_by_hook(log.entries))
    return tuple([record for record in said if (summary if isinstance(record, RunRecord) else each)])


def _walk(log: Log, told: frozenset[tuple[str, int]]) -> Iterator[Record]:
    steps: dict[str, _Step] = {}
    began: datetime | None = None
    reason: str | None = None  # why the run is to be canceled
    for entry in log.entries:
        key, at = entry.step_key, entry.at or log.now
        if entry.event == "RUN_START":
            began = entry.at
            yield RunRecord(entry.event, log.job, log.run_id, at, began, link=log.link)
        elif entry.event == "RUN_CANCELING":
            reason = reason or entry.message  # a launcher says so once more, without the reason
        elif entry.event in _RUN_ENDS:
            ends, took = _ends(steps, log.plan, entry.event), _between(began, entry.at)
            why = reason if over_time(reason) else None if entry.chain or entry.event == "RUN_SUCCESS" else entry.message
            failed = any(issubclass(step.kind, s.Failed) for step in steps.values())  # then the error is that of a step
            yield RunRecord(entry.event, log.job, log.run_id, at, began, took, () if failed else entry.chain, why, ends, log.link)
        elif key is not None:
            step = steps.setdefault(key, _Step())
            record = _step_record(log, entry, key, at, step)
            if record is not None and (key, record.attempt) not in told:
                yield record


def _step_record(log: Log, entry: Entry, key: str, at: datetime | None, step: _Step) -> StepRecord | None:
    """Note an entry of a step. Return its record, if it has one."""
    if entry.event in _STARTS:
        step.attempt, step.started, step.crash = step.attempt + 1, entry.at, None
    elif entry.event == "ENGINE_EVENT":
        crash = _CRASH.search(entry.message or "")
        step.crash = f"its process {crash[1]}" if crash else step.crash
        return None
    elif entry.event not in ENDS and entry.event != "STEP_SKIPPED":
        return None
    reason = step.crash if entry.event in ENDS else None
    if reason is None and entry.event == "STEP_FAILURE" and not entry.chain:
        reason = entry.message
    took = _between(step.started, entry.at) if entry.event in ENDS and entry.took is None else entry.took
    attempt, began, retries, chain = max(step.attempt, 1), step.started, entry.retries, entry.chain
    numbers = (attempt, retries, at, began, took)
    record = StepRecord(entry.event, log.job, log.run_id, key, *numbers, None, chain, reason, entry.wait, log.link)
    step.kind, step.reason = kind_of(record)
    return record


def _told_by_hook(entries: Iterable[Entry]) -> frozenset[tuple[str, int]]:
    """Return the attempts, by step, that our hook was called for."""
    attempts: dict[str, int] = {}
    told: set[tuple[str, int]] = set()
    for entry in entries:
        if entry.step_key is not None and entry.event in _STARTS:
            attempts[entry.step_key] = attempts.get(entry.step_key, 0) + 1
        elif entry.step_key is not None and entry.event in _CALLED and f'"{HOOK}"' in (entry.message or ""):
            told.add((entry.step_key, attempts.get(entry.step_key, 1)))
    return frozenset(told)


def _ends(steps: dict[str, _Step], plan: Sequence[str], event: str) -> tuple[StepEnd, ...]:
    """Return how each step ended. Of those in the plan that never ran, a failure is the cause if there was one."""
    ends = [(key, step.kind.__name__, step.reason) for key, step in steps.items()]
    if event == "RUN_SUCCESS":  # a step of the plan that did not run had no children
        return tuple(ends)
    unrun = s.TriggerFailed if any(issubclass(step.kind, s.Failed) for step in steps.values()) else s.Pending
    for key in dict.fromkeys(plan):
        dynamic = key.removesuffix(_DYNAMIC)
        if key not in steps and not (dynamic != key and any(each.startswith(f"{dynamic}[") for each in steps)):
            ends.append((dynamic, unrun.__name__, ""))
    return tuple(ends)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else max(end - start, timedelta(0))
