"""Tells people of the tasks of a Celery app: ``connect(app, slack_notifier)``, once, where the app is made.

- A worker and its children, and each program that sends tasks, load the module of the app. Each of them tells of what it hears.
- ``tocsin.core.integrations.celery`` says what the signals mean.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from time import monotonic
from typing import Protocol

import attrs

from tocsin.core import states as s
from tocsin.core.integrations.celery import ENGINE, EVENTS, REPLACED, CanvasEnd, NeverRuns, Said, TaskSignal
from tocsin.core.integrations.facts import duration, identity, name
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.core.states import State, same
from tocsin.core.text import is_a, quote, worded
from tocsin.core.transitions import later
from tocsin.core.validation import is_list, is_mapping
from tocsin.integrations.copying import entry, fact
from tocsin.integrations.host_signals import is_of_host
from tocsin.integrations.installed import need
from tocsin.integrations.observer import Observer
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.handlers.attach import attached
from tocsin.watching.emit import log_failure
from tocsin.watching.recipients import Handlers

need("celery", "celery")

from billiard import current_process  # noqa: E402 - a line that says what to install comes first
from celery import current_app, signals  # noqa: E402 - as above
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded, TimeLimitExceeded  # noqa: E402 - as above
from celery.utils.serialization import UnpickleableExceptionWrapper  # noqa: E402 - as above

__all__ = ["connect"]

_INTERNAL = frozenset(
    {"celery.accumulate", "celery.backend_cleanup", "celery.chain", "celery.chord", "celery.chord_unlock", "celery.group"}
)
_MOST = 200  # signatures of a canvas that are read
_DEEPEST = 20  # canvases in one another
_NEVER: tuple[type[State], ...] = (s.Failed, s.Skipped, s.TriggerFailed)


class CeleryApp(Protocol):
    """A Celery app, as ``connect`` needs it."""

    @property
    def tasks(self) -> object:
        """Its tasks, by name."""
        ...

    def finalize(self) -> object:
        """Make its tasks."""
        ...


def connect(
    app: CeleryApp,
    *state_handlers: StateHandler[ForeignRun],
    each: bool = True,
    summary: bool = True,
    no_end_after: timedelta | None = None,
) -> None:
    """Tell of the tasks of a Celery app: of its workers, in all pools, and of the programs that send tasks.

    Call it once, in the module that makes the app, so that workers and programs have it. A second call with equal arguments does
    nothing. Handlers get a ``ForeignRun`` as ``tracked_obj``. Nothing that goes wrong here reaches Celery: it is a line in the log.

    Args:
        app: the app.
        state_handlers: the handlers, in order; none: those of the configuration.
        each: whether each task is told of.
        summary: whether one message tells that a chain or a chord does not come to its end, and what of it never runs.
        no_end_after: how long after the last event the end of a task is waited for. Then people are told that no end was heard of, by
            the worker if it is alive. None: no end is waited for.

    Raises:
        TypeError: an argument is invalid.

    >>> from celery import Celery
    >>> from tocsin import Failed, slack_notifier
    >>> connect(Celery("jobs"), slack_notifier(only_states=[Failed]))
    """
    real = fact(app, "finalize", "__self__")  # of a proxy, such as celery.current_app, the app itself
    if real is None:
        raise TypeError(f"connect takes a Celery app, not {quote(app)}: write connect(app, slack_notifier)")
    options = (each, summary, no_end_after)
    handlers = attached(state_handlers)
    if any(made.app is real and made.options == options and _equal(made.handlers, handlers) for made in _connected):
        return
    observer = Observer(ENGINE, state_handlers, each=each, summary=summary, no_end_after=no_end_after)
    made = _Connection(real, handlers, options, observer)
    hooks: dict[signals.Signal, _Hook] = {signals.worker_ready: made.ready}
    if each or summary:
        hooks |= {
            signals.task_prerun: made.prerun,
            signals.task_postrun: made.postrun,
            signals.task_failure: made.failure,
            signals.task_internal_error: made.internal_error,
            signals.task_revoked: made.revoked,
        }
    if each:
        wanted = {
            signals.after_task_publish: (made.publish, EVENTS["after_task_publish"]),
            signals.task_received: (made.received, EVENTS["task_received"]),
            signals.task_retry: (made.retry, EVENTS["task_retry"]),
            signals.task_success: (made.success, EVENTS["task_success"]),
        }
        hooks |= {signal: hook for signal, (hook, kinds) in wanted.items() if not observer.never_tells(*kinds)}
    for signal, hook in hooks.items():
        signal.connect(_Receiver(signal.name, hook), weak=False)  # else a receiver that nobody else keeps is never called
    _connected.append(made)


_Hook = Callable[[object, Mapping[str, object]], None]


class _Receiver:
    """A receiver of a signal, which raises nothing but a KeyboardInterrupt."""

    def __init__(self, signal: str, hook: _Hook) -> None:
        self._signal, self._hook = signal, hook

    def __repr__(self) -> str:
        return f"<tocsin tells people of {self._signal}>"

    def __call__(self, sender: object = None, **said: object) -> None:
        try:
            self._hook(sender, said)
        except BaseException as error:
            if is_of_host(error):
                raise
            log_failure(error, "a task of Celery")


@attrs.frozen
class _Signature:
    """A task of a canvas that has not begun."""

    name: str
    task_id: str
    map_index: object


@attrs.frozen(eq=False)
class _Connection:
    """The hooks of an app."""

    app: object
    handlers: Handlers
    options: tuple[bool, bool, timedelta | None]
    observer: Observer[Said]
    _began: dict[object, float] = attrs.field(factory=dict[object, float], init=False)  # what this process runs now, by id

    def ready(self, sender: object, _: Mapping[str, object]) -> None:
        """In the worker's own process, once it consumes."""
        if fact(sender, "app") is self.app:
            self.observer.watch_for_ends()

    def publish(self, sender: object, said: Mapping[str, object]) -> None:
        """In the process that sends a task. A retry is told as one, and not as a new task."""
        request, task = said.get("headers"), self._task(sender)
        if task is not None and not entry(request, "retries") and self._sends(sender):
            self.observer.observe(lambda: self._copy("after_task_publish", request, task, host=None))

    def received(self, _: object, said: Mapping[str, object]) -> None:
        """In the worker's own process."""
        request = said.get("request")
        task = fact(request, "task")
        if self._is_ours(task):
            retries = entry(fact(request, "request_dict"), "retries")
            self.observer.observe(lambda: self._copy("task_received", request, task, name=fact(request, "name"), retries=retries))

    def prerun(self, task: object, said: Mapping[str, object]) -> None:
        """In the process that runs the task, as all of the following where nothing else is said."""
        self._began[said.get("task_id")] = monotonic()
        if self.options[0] and not self.observer.ignores(s.Running) and self._is_ours(task):
            self.observer.observe(lambda: self._copy("task_prerun", fact(task, "request"), task))

    def success(self, task: object, said: Mapping[str, object]) -> None:
        """Once the result is stored."""
        if not self.observer.ignores(s.Success) and self._is_ours(task):
            took = duration(said.get("runtime"))
            self.observer.observe(lambda: self._copy("task_success", fact(task, "request"), task, **_times(took)))

    def retry(self, task: object, said: Mapping[str, object]) -> None:
        """Also in the worker's own process: if it is stopped, and if a process of it was lost."""
        if self.observer.ignores(*EVENTS["task_retry"]) or not self._is_ours(task):
            return
        reason = said.get("reason")
        when, original = fact(reason, "when"), fact(reason, "args")
        error = next((each for each in original if is_a(each, Exception) and each is not reason), None) if is_list(original) else None
        more: dict[str, object] = {"stopped": reason is None, "error": _true(error or fact(reason, "exc")), "reason": worded(reason)}
        more |= {"due": when} if is_a(when, datetime) else {"delay": when}
        self.observer.observe(lambda: self._copy("task_retry", said.get("request"), task, **more))

    def postrun(self, task: object, said: Mapping[str, object]) -> None:
        """At each end, with the exception itself. In a child that is killed, or exits, the worker's own process knows better."""
        began, state = self._began.pop(said.get("task_id"), None), said.get("state")
        if state == "SUCCESS":  # where no handler wants one, this is all that is heard of it
            if self.options[0] and self.observer.never_tells(s.Success) and not self.observer.ignores(s.Success):
                self.success(task, {"runtime": None if began is None else monotonic() - began})
            return
        if state == "RETRY" or self.observer.ignores(*EVENTS["task_postrun"], *_NEVER) or not self._is_ours(task):
            return
        given = said.get("retval") if state else sys.exc_info()[1]
        if not state and (given is None or (not is_a(given, Exception) and current_process().name != "MainProcess")):
            return
        requeue = is_a(given, Reject) and fact(given, "requeue") is True
        more: dict[str, object] = {"state": state, "requeue": requeue}
        more |= _times(None if began is None else duration(monotonic() - began))
        if is_a(given, Ignore):
            more["reason"] = worded(given)
        elif is_a(given, Reject):
            reason = fact(given, "reason")
            more["reason"] = None if reason is None else worded(reason)
        else:
            more["error"] = _true(given)
        self._end("task_postrun", fact(task, "request"), task, more, goes_on=requeue or more.get("reason") == REPLACED)

    def failure(self, task: object, said: Mapping[str, object]) -> None:
        """In the worker's own process alone: of a task whose process was lost, or killed at a time limit."""
        if self.observer.ignores(*EVENTS["task_failure"], *_NEVER) or not self._is_ours(task):
            return
        request, error = fact(task, "request"), said.get("exception")
        if fact(request, "called_directly") is False or is_a(error, Reject):
            return  # the process that ran the task tells
        if fact(request, "id") == said.get("task_id"):
            self._end("task_failure", request, task, {"error": _true(error)})
        elif fact(task, "acks_late") is True and fact(task, "acks_on_timeout") is False:  # told once, without the request
            more: dict[str, object] = {"task_id": said.get("task_id"), "error": _true(error), "requeue": True}
            self._end("task_failure", None, task, more, goes_on=True)

    def internal_error(self, task: object, said: Mapping[str, object]) -> None:
        """Where the result cannot be stored, or other code around the task failed."""
        if not self.observer.ignores(*EVENTS["task_internal_error"], *_NEVER) and self._is_ours(task):
            self._end("task_internal_error", said.get("request"), task, {"error": _true(said.get("exception"))})

    def revoked(self, task: object, said: Mapping[str, object]) -> None:
        """In the worker's own process."""
        if self.observer.ignores(*EVENTS["task_revoked"], *_NEVER) or not self._is_ours(task):
            return
        signum = said.get("signum")
        more = {"terminated": said.get("terminated"), "expired": said.get("expired"), "reason": fact(signum, "name") or signum}
        self._end("task_revoked", said.get("request"), task, more)

    def _end(self, signal: str, request: object, task: object, more: Mapping[str, object], *, goes_on: bool = False) -> None:
        """Tell of an end, and of what never runs because of it."""
        each, summary, _ = self.options
        ended = self._copy(signal, request, task, **more)
        if each:
            self.observer.observe(lambda: ended)
        if goes_on:
            return
        never = list(islice(_once(_following(request)), _MOST))
        skipped = (signal == "task_revoked" and not ended.terminated) or ended.state in {"IGNORED", "REJECTED"}
        for one in never if each else ():
            made = NeverRuns(ended.at, one.name, one.task_id, one.map_index, ended.name, skipped, ended.host)
            self.observer.observe(partial(_given, made))
        if never and summary:
            goal, names = never[-1], [one.name for one in never]
            self.observer.observe(
                lambda: CanvasEnd(ended.at, goal.name, goal.task_id, ended.name, skipped, ended.error, ended.reason, names, ended.host)
            )

    def _copy(self, signal: str, request: object, task: object, **more: object) -> TaskSignal:
        """Copy a record from a request: an object of Celery's, or a mapping."""

        get = partial(_part, request)
        facts: dict[str, object] = {
            "signal": signal,
            "at": CLOCK.now(),
            "name": get("shadow") or fact(task, "name"),
            "task_id": get("id"),
            "retries": get("retries"),
            "max_retries": fact(task, "max_retries"),
            "may_retry": bool(fact(task, "autoretry_for")),
            "map_index": None if get("group") is None else get("group_index"),
            "host": get("hostname"),
            "redelivered": entry(get("delivery_info"), "redelivered"),
            "due": get("eta") if signal in {"after_task_publish", "task_received"} else None,
            "acks_late": fact(task, "acks_late"),
            "timed_out": is_a(more.get("error"), SoftTimeLimitExceeded) or is_a(more.get("error"), TimeLimitExceeded),
        }
        return TaskSignal(**{**facts, **more})

    def _task(self, sender: object) -> object:
        """Return the task of this name; None if the app has none that people are told of."""
        return None if sender in _INTERNAL else entry(fact(self.app, "tasks"), name(sender))

    def _sends(self, sender: object) -> bool:
        """Return whether it is this app that sends the task. Apps of one process share their tasks, and the signal does not say."""
        others = [made for made in _connected if made.app is not self.app and made._task(sender) is not None]
        return not others or fact(current_app, "finalize", "__self__") is self.app

    def _is_ours(self, task: object) -> bool:
        return fact(task, "app") is self.app and fact(task, "name") not in _INTERNAL


_connected: list[_Connection] = []


def _given(made: Said) -> Said:
    return made


def _times(took: timedelta | None) -> dict[str, object]:
    """Return how long an attempt that ends now took, and when it began."""
    return {} if took is None else {"took": took, "started": later(CLOCK.now(), -took)}


def _equal(some: Handlers, others: Handlers) -> bool:
    return len(some) == len(others) and all(any(same(one, other) for other in others) for one in some)


def _true(error: object) -> object:
    """Return the exception that a stand-in for one that cannot be pickled stands for: a new one with its name and its text."""
    if not is_a(error, UnpickleableExceptionWrapper):
        return error
    made: object = type(name(fact(error, "exc_cls_name")), (Exception,), {})(worded(error))
    return made


def _following(request: object) -> Iterator[_Signature]:
    """Yield the tasks that only a success of this one starts, in the order in which they would run."""
    yield from _after(_part(request, "callbacks"), _part(request, "chain"), _part(request, "chord"), 0)


def _once(signatures: Iterable[_Signature]) -> Iterator[_Signature]:
    """Yield each task once: the body of a chord follows each task of its header."""
    seen = set[tuple[str, str]]()
    for one in signatures:
        if not one.task_id or (one.name, one.task_id) not in seen:
            seen.add((one.name, one.task_id))
            yield one


def _part(request: object, key: str) -> object:
    """Return a part of a request, which is an object or a mapping."""
    return entry(request, key) if is_mapping(request) else fact(request, key)


def _after(links: object, chain: object, body: object, depth: int) -> Iterator[_Signature]:
    for link in links if is_list(links) else ():
        yield from _tasks(link, depth)
    for signature in reversed(chain) if is_list(chain) else ():  # the next one is the last
        yield from _tasks(signature, depth)
    if body is not None:
        yield from _tasks(body, depth)


def _tasks(signature: object, depth: int) -> Iterator[_Signature]:
    """Yield the tasks of a signature: a dict, or an object of Celery's that is one."""
    if depth > _DEEPEST:
        return
    parts, options, task = entry(signature, "kwargs"), entry(signature, "options"), entry(signature, "task")
    match task:
        case "celery.chain" | "celery.group":
            tasks = entry(parts, "tasks")
            for part in tasks if is_list(tasks) else ():
                yield from _tasks(part, depth + 1)
        case "celery.chord":
            yield from _tasks(entry(parts, "header"), depth + 1)
            yield from _tasks(entry(parts, "body"), depth + 1)
        case _ if is_a(task, str):
            yield _Signature(task, identity(entry(options, "task_id")), entry(options, "group_index"))
        case _:
            pass
    yield from _after(entry(options, "link"), entry(options, "chain"), entry(options, "chord"), depth + 1)
