"""Tells people of the runs of Dagster: a hook for the steps of a job or an asset, and ``tell_of`` for a whole run.

- Dagster calls a hook after each attempt of a step, in the process of the step, with the events of the attempt. It calls none where
  the process was killed, for a step that never ran, and for a run.
- ``tell_of`` reads the event log of a run. It tells all that has no hook, and does not repeat what our hook told.
- Dagster's objects hold what its plugins put there: each fact is copied by a getter that raises nothing.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache, partial

import attrs

from tocsin.core.integrations.dagster import ENDS, ENGINE, EVENTS, Record, StepRecord, restarted
from tocsin.core.integrations.dagster_log import HOOK, Entry, Log, records
from tocsin.core.integrations.facts import identity, link, name, text, whole
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.core.options import title_link
from tocsin.core.states import State
from tocsin.core.text import is_a, quote
from tocsin.core.validation import invoke, is_list
from tocsin.integrations.copying import fact
from tocsin.integrations.host_signals import is_of_host
from tocsin.integrations.installed import need
from tocsin.integrations.observer import Observer
from tocsin.shell.adapters.clock import CLOCK
from tocsin.watching.emit import log_failure

need("dagster", "dagster")

from dagster import DagsterEventType, HookDefinition, HookExecutionResult  # noqa: E402 - the line above says what to install

__all__ = ["dagster_hooks", "tell_of"]

_MOST_CAUSES = 8
_HIDDEN = "DagsterRedactedUserCodeError"
_SKIPPED, _CALLED = HookExecutionResult(HOOK, True), HookExecutionResult(HOOK, False)


def dagster_hooks(
    *state_handlers: StateHandler[ForeignRun], no_end_after: timedelta | None = None, webserver_base_url: str | None = None
) -> frozenset[HookDefinition]:
    """Return the hooks that tell of the steps of a job, or of assets.

    They go where Dagster takes hooks: ``@job(hooks=…)``, ``define_asset_job(hooks=…)``, ``@asset(hooks=…)``, ``job.with_hooks(…)``,
    ``op.with_hooks(…)``. They tell of each attempt once it is over: Success, Failed, TimedOut, Aborted or Retrying. Nothing that
    they do makes a step fail.

    Args:
        state_handlers: the handlers to call, in order; none: those of the configuration.
        no_end_after: how long after a retry was announced the next attempt is waited for; then people are told that no end was heard
            of. Dagster calls no hook at the start of a step, so a first attempt that is killed is not waited for.
        webserver_base_url: the URL of Dagster's web server, such as ``https://dagster.example.com``; messages then link to the run.

    Raises:
        TypeError: an argument is invalid.

    >>> from tocsin import slack_notifier
    >>> [hook.name for hook in dagster_hooks(slack_notifier)]
    ['tocsin']
    """
    hook = StepHook(_observer(state_handlers, no_end_after=no_end_after), _url(webserver_base_url))
    return frozenset({HookDefinition(name=HOOK, hook_fn=hook, decorated_fn=hook)})


def tell_of(
    result: object,
    *state_handlers: StateHandler[ForeignRun],
    instance: object = None,
    each: bool = True,
    summary: bool = True,
    webserver_base_url: str | None = None,
) -> None:
    """Tell of a run of Dagster's: what its event log says, at the times that it says.

    Call it with the result of ``execute_in_process``, ``execute_job`` or ``materialize``, or with the context of a run status sensor.
    It tells what no hook hears: that a step started, was skipped or was killed, that the run was canceled, and the run's own end
    with its steps counted and those named that never ran. What a hook of ``dagster_hooks`` told is not told again. Tell a run's end
    once it has ended. An error of Dagster's storage is one line in the log.

    Args:
        result: a result, the context of a sensor, or a ``DagsterRun``.
        state_handlers: the handlers to call, in order; none: those of the configuration.
        instance: the ``DagsterInstance`` that has the event log; None for that of the context. Without one, the events of the result
            are told, which have no times.
        each: whether a step has messages of its own.
        summary: whether the run has.
        webserver_base_url: the URL of Dagster's web server; messages then link to the run.

    Raises:
        TypeError: an argument is invalid.
    """
    observer, url = _observer(state_handlers, each=each, summary=summary), _url(webserver_base_url)
    run = result if fact(result, "dagster_run") is None else fact(result, "dagster_run")
    run_id = identity(fact(run, "run_id"))
    if not run_id:
        raise TypeError(f"tell_of takes the result of a run, the context of a run status sensor, or a DagsterRun, not {quote(result)}")
    try:
        said = _said(result, run, run_id, fact(result, "instance") if instance is None else instance, url)
        told = records(said, each=each, summary=summary)
    except BaseException as error:
        if is_of_host(error):
            raise
        log_failure(error, f"the run {run_id} of Dagster")
        return
    for record in told:
        if not observer.ignores(*EVENTS[record.event]):
            observer.observe(partial(_itself, record))


def _itself(record: Record) -> Record:
    return record


# --- the hook ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(repr=False)
class StepHook:
    """The function of the hook. Two of equal handlers and options are one hook to Dagster.

    Args:
        observer: what announces.
        webserver: the URL of Dagster's web server; None for no links.
    """

    observer: Observer[Record]
    webserver: str | None

    def __repr__(self) -> str:
        return f"<hook of {self.observer!r}>"

    def __call__(self, context: object, event_list: Iterable[object]) -> HookExecutionResult:
        """Tell of an attempt that is over. Dagster calls it, and fails the whole run if it returns anything else."""
        event, kinds = _end(event_list)
        if not kinds or self.observer.ignores(*kinds):
            return _SKIPPED
        self.observer.observe(lambda: self._record(context, event, event_list))
        return _CALLED

    def _record(self, context: object, event: object, event_list: Iterable[object]) -> StepRecord:
        step, data, run_id = fact(context, "_step_execution_context"), fact(event, "event_specific_data"), fact(context, "run_id")
        before = whole(fact(step, "previous_attempt_count"))
        if before is None:  # no page of Dagster's promises the attribute
            again = [restarted(text(fact(each, "message"))) for each in event_list if _event(each) == "STEP_RESTARTED"]
            before = (again[0] if again and again[0] else 1) - 1
        chain = _chain(fact(data, "error"))
        hidden = _HIDDEN in [kind for kind, _ in chain]  # a user has Dagster hide errors, which it still gives to hooks
        return StepRecord(
            _event(event),
            fact(context, "job_name"),
            run_id,
            fact(context, "step_key"),
            attempt=before + 1,
            retries=fact(step, "op_retry_policy", "max_retries"),
            at=CLOCK.now(),
            took=_seconds(fact(data, "duration_ms")),
            error=None if hidden else fact(context, "op_exception"),
            chain=chain,
            wait=fact(data, "seconds_to_wait"),
            link=_page(self.webserver, run_id),
        )


def _end(event_list: Iterable[object]) -> tuple[object, tuple[type[State], ...]]:
    """Return the event that ends the attempt, and the kinds that it may lead to; none of them if there is no such event."""
    try:
        for event in reversed(list(event_list)):
            named = fact(event, "event_type_value")
            if type(named) is str and named in ENDS:
                return event, EVENTS[named]
    except (Exception, SystemExit) as error:  # it is no list of events
        if is_of_host(error):
            raise
        return None, ()
    return None, ()


# --- the event log ----------------------------------------------------------------------------------------------------------------

_NAMES = (
    *("STEP_START", "STEP_RESTARTED", "STEP_UP_FOR_RETRY", "STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"),
    *("HOOK_COMPLETED", "HOOK_ERRORED", "ENGINE_EVENT", "LOGS_CAPTURED"),
    *("PIPELINE_START", "PIPELINE_CANCELING", "PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"),
)


def _said(result: object, run: object, run_id: str, instance: object, url: str | None) -> Log:
    """Copy what the log of a run says."""
    job, events = fact(result, "job_def"), _events(result, run_id, instance)
    entries, keys = tuple([_entry(at, event, job) for at, event in events]), _plan(run, instance)
    if not keys:  # a run in this process, of an instance that is gone: the log itself names its steps
        keys = [key for _, event in events for key in _items(fact(event, "event_specific_data", "step_keys"))]
    return Log(entries, name(fact(run, "job_name")), run_id, keys, CLOCK.now(), _page(url, run_id))


def _events(result: object, run_id: str, instance: object) -> list[tuple[object, object]]:
    """Return the events of a run, each with its time; None in place of a time if there is no log of an instance."""
    types = {DagsterEventType(each) for each in _NAMES}
    logged = [] if instance is None else _items(invoke(fact(instance, "all_logs"), run_id, of_type=types))
    if logged:
        return [(fact(entry, "timestamp"), fact(entry, "dagster_event")) for entry in logged]
    return [(None, event) for event in _items(fact(result, "all_events"))]


def _entry(at: object, event: object, job: object) -> Entry:
    data = fact(event, "event_specific_data")
    policy = None
    if job is not None and _event(event) in ENDS:
        policy = _called(fact(job, "get_retry_policy_for_handle"), fact(event, "node_handle"))
    return Entry(
        _event(event),
        fact(event, "step_key"),
        at,
        _seconds(fact(data, "duration_ms")),
        _chain(fact(data, "error")),
        fact(event, "message"),
        fact(data, "seconds_to_wait"),
        fact(policy, "max_retries"),
    )


def _plan(run: object, instance: object) -> list[object]:
    """Return the keys of the steps that were to run; none if they are not known."""
    named = _items(fact(run, "step_keys_to_execute"))
    if named or instance is None:
        return named
    snapshot = _called(fact(instance, "get_execution_plan_snapshot"), fact(run, "execution_plan_snapshot_id"))
    return _items(fact(snapshot, "step_keys_to_execute"))


# --- facts ------------------------------------------------------------------------------------------------------------------------


def _called(function: object, argument: object) -> object:
    """Return what a function of Dagster's returns; None if it raises an error, or is none."""
    try:
        return invoke(function, argument)
    except (Exception, SystemExit) as error:
        if is_of_host(error):
            raise
        return None


def _event(event: object) -> str:
    """Return the name of an event; an empty text for none."""
    return text(fact(event, "event_type_value")) or ""


def _items(given: object) -> list[object]:
    return list(given) if is_list(given) else []


def _seconds(milliseconds: object) -> object:
    return milliseconds / 1000 if is_a(milliseconds, float) or is_a(milliseconds, int) else None


def _chain(error: object) -> list[tuple[object, object]]:
    """Return the class names and the texts of an error of the log and its causes."""
    found: list[tuple[object, object]] = []
    while error is not None and len(found) < _MOST_CAUSES:
        found.append((fact(error, "cls_name"), fact(error, "message")))
        error = fact(error, "cause")
    return found


def _page(webserver: str | None, run_id: object) -> str | None:
    return None if webserver is None else link(f"{webserver}/runs/{identity(run_id)}")


def _url(given: object) -> str | None:
    """Check the URL of the web server."""
    try:
        checked = title_link(given)
    except TypeError:
        how = "write webserver_base_url='https://dagster.example.com'"
        raise TypeError(f"webserver_base_url takes an http(s) URL, not {quote(given)}: {how}") from None
    return None if checked is None else checked.rstrip("/")


def _observer(
    state_handlers: tuple[StateHandler[ForeignRun], ...],
    *,
    each: bool = True,
    summary: bool = True,
    no_end_after: timedelta | None = None,
) -> Observer[Record]:
    """Return the observer of these handlers. A process has one for equal handlers, so that what it heard is told once."""
    try:
        return _shared_observer(state_handlers, each, summary, no_end_after)
    except TypeError:  # a handler without a hash, or an invalid option: that is raised again
        return Observer(ENGINE, state_handlers, each=each, summary=summary, no_end_after=no_end_after)


@lru_cache(maxsize=32, typed=True)
def _shared_observer(
    state_handlers: tuple[StateHandler[ForeignRun], ...],
    each: bool,  # noqa: FBT001 - the function above names them
    summary: bool,  # noqa: FBT001
    no_end_after: timedelta | None,
) -> Observer[Record]:
    return Observer(ENGINE, state_handlers, each=each, summary=summary, no_end_after=no_end_after)
