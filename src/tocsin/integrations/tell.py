"""``tell``: announces, by hand, a state of what another engine runs."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import timedelta

from tocsin.core import events as e
from tocsin.core.changes import Tracked
from tocsin.core.events import Event
from tocsin.core.expected import expected_kinds, expected_state
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.core.messages.content import error_of
from tocsin.core.options import title_link
from tocsin.core.states import State
from tocsin.core.text import label, quote
from tocsin.core.transitions import later
from tocsin.core.validation import at_least, is_list, is_span
from tocsin.integrations.host_signals import is_of_host
from tocsin.integrations.observer import HeardRuns, announce_foreign
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.current import current_of_runs
from tocsin.shell.environment import run_id as new_run_id
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.handlers.attach import attached
from tocsin.shell.handlers.currying import tracked_of
from tocsin.shell.report import DeliveryLog, RunReport
from tocsin.watching.emit import log_failure
from tocsin.watching.recipients import Handlers, default_recipients

_heard: OrderedDict[object, HeardRuns] = OrderedDict()
_MOST = 100  # lists of handlers
_guard = ForkSafeLock()


def _heard_by(handlers: Handlers) -> HeardRuns:
    """Return what was told to these handlers: other handlers know nothing of it."""
    try:
        hash(handlers)
    except TypeError:  # a handler of the user's that is a mutable value
        return _heard_by_key(quote(handlers))
    return _heard_by_key(handlers)


def _heard_by_key(key: object) -> HeardRuns:
    with _guard.lock:
        found = _heard.setdefault(key, HeardRuns())
        while len(_heard) > _MOST:
            _heard.popitem(last=False)
    return found


def tell(
    tracked_obj: Tracked | str,
    state: State,
    /,
    *,
    run_id: str | None = None,
    group: str | None = None,
    map_index: int | None = None,
    attempt: tuple[int, int] = (1, 1),
    duration: timedelta | None = None,
    link: str | None = None,
    state_handlers: Iterable[StateHandler] | None = None,
    expected: Mapping[type[BaseException], type[State]] | None = None,
) -> RunReport:
    """Announce that something that another engine runs is now in a state.

    Call it from a hook of any engine that has no module in ``tocsin.integrations``. The old state is worked out: from what was told
    of the same run before, else from the new state. What was told of an attempt already, or comes after its end, is not told again.
    A message that cannot be delivered is logged, and on the report; it is not raised.

    Args:
        tracked_obj: what runs, anything with a ``name``; a text stands for an object of that name.
        state: its new state. ``Failed(error)`` keeps the error as the result.
        run_id: the engine's id of the run. None is for a run of which nothing else is told.
        group: the name of the flow, or the like, that it is a part of.
        map_index: the 0-based index of a child of a mapped task.
        attempt: the 1-based number of the attempt, and how many there may be. A failure before the last one is not final.
        duration: how long the attempt took.
        link: a page about the run, an http(s) URL.
        state_handlers: the handlers to call, in order; None: those of the configuration.
        expected: what exceptions that control the engine mean, as ``{Retry: Retrying, Ignore: Skipped}``.

    Returns:
        The report: the announced change, or none, and what became of its messages.

    Raises:
        TypeError, ValueError: an argument is invalid.

    >>> from tocsin import Failed, Recording, interpreting, slack_notifier
    >>> with interpreting(Recording()) as recording:
    ...     report = tell("nightly", Failed(OSError("disk full")), run_id="r1", attempt=(2, 3), state_handlers=[slack_notifier])
    >>> report.changes[0].change
    Change(tracked_obj=ForeignRun(name='nightly', ...attempt=2, attempts=3, ...), old=Running(), new=Failed(...)...final=False...)
    """
    told = _expected(state, expected)
    number, count = _attempt(attempt)
    title_link(link, "link")
    if duration is not None and not is_span(duration):
        how = "write duration=timedelta(seconds=3)"
        raise TypeError(f"tell: duration takes a timedelta that is not negative, not {quote(duration)}: {how}")
    if map_index is not None and not at_least(map_index, 0):
        raise TypeError(f"tell: map_index takes a number that counts from 0, not {quote(map_index)}")
    handlers = None if state_handlers is None else attached(state_handlers)
    name = tracked_obj if isinstance(tracked_obj, str) else label(tracked_of(tracked_obj, "tell"))
    now, identity = CLOCK.now(), new_run_id() if run_id is None else _text(run_id, "run_id")
    started = None if duration is None else later(now, -duration)
    flow = None if group is None else _text(group, "group")
    foreign = ForeignRun(name, identity, flow, map_index, number, count, started=started, link=link)
    event: Event = e.Signalled(now, state=told, attempt=number, took=duration)
    report = RunReport(name, identity, told, (), DeliveryLog(current_of_runs()), ())
    try:
        whom = default_recipients().handlers if handlers is None else handlers
        of = None if isinstance(tracked_obj, str) else tracked_obj
        announced = announce_foreign(_heard_by(whom), foreign, event, whom, ends=None, of=of)
    except BaseException as error:
        if is_of_host(error):
            raise
        log_failure(error, name)
        return report
    if announced is None:
        return report
    return RunReport(name, identity, told, tuple(announced.announced), announced.log, tuple(announced.faults))


def _expected(state: object, expected: object) -> State:
    """Return the state, or what its exception is expected to mean."""
    kinds = expected_kinds(expected)
    if not isinstance(state, State):
        raise TypeError(f"tell takes a State, not {quote(state)}: write tell('nightly', Failed(error))")
    error = error_of(state)
    return (None if error is None else expected_state(kinds, error)) or state


def _attempt(given: object) -> tuple[int, int]:
    if is_list(given) and len(given) == 2:
        number, count = given
        if isinstance(number, int) and isinstance(count, int) and at_least(number, 1) and at_least(count, number):
            return number, count
    raise TypeError(
        f"tell: attempt takes the number of the attempt and how many there may be, not {quote(given)}: write attempt=(2, 3)"
    )


def _text(given: object, option: str) -> str:
    if isinstance(given, str) and given:
        return given
    raise TypeError(f"tell: {option} takes a text that is not empty, not {quote(given)}")
