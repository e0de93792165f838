"""``Observer``: hears what an engine says of its runs, and announces what is news.

- ``tocsin.core.integrations`` decides what a record means, and whether it is news. ``step`` and the announcer do the rest, as for all
  other runs.
- Nothing is raised into the engine but a Ctrl-C. An error of tocsin's is one line in the log.
- The process keeps what was heard of each run of which it told something lately, and nothing of the others.
- Each record is logged at level DEBUG, by the logger ``tocsin.integrations``: so a user sees what an engine really said.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Generic, TypedDict, TypeVar

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.events import Event
from tocsin.core.integrations.foreign import NOTHING, Engine, ForeignRun, Heard, News, RunKey, hear
from tocsin.core.machine import StateHandler
from tocsin.core.states import KINDS, Queued, Retrying, Scheduled, State, Submitted
from tocsin.core.text import name_of, quote
from tocsin.core.validation import is_list
from tocsin.integrations.host_signals import is_of_host
from tocsin.integrations.no_end import NoEnd
from tocsin.shell import log
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.handlers.attach import attached
from tocsin.shell.history.looked import look
from tocsin.watching.emit import feed, log_failure, new_announcer, tell_left
from tocsin.watching.recipients import Handlers, default_recipients, ignores

_R = TypeVar("_R")

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_records = log.logger.getChild("integrations")

MOST_HEARD = 10_000
"""The most runs of which a process keeps what was heard."""


class ObserverOptions(TypedDict, total=False):
    """The options that the hooks of all engines have; ``Observer`` describes them."""

    each: bool
    summary: bool
    no_end_after: timedelta | None


class HeardRuns:
    """What was heard of the runs of an engine, the latest last. Thread-safe."""

    def __init__(self) -> None:
        self._guard = ForkSafeLock()
        self._heard: OrderedDict[RunKey, Heard] = OrderedDict()

    def __repr__(self) -> str:
        return f"<what was heard of {len(self._heard):,} runs>"

    def hear(self, foreign: ForeignRun, event: Event, handlers: Handlers, *, ends: bool | None) -> News | None:
        """Note an event of a run. Return it if it is news."""
        with self._guard.lock:
            news = hear(self._heard.get(foreign.key, NOTHING), foreign, event, handlers, ends=ends)
            if news is not None:
                self._heard[foreign.key] = news.heard
                self._heard.move_to_end(foreign.key)
                while len(self._heard) > MOST_HEARD:
                    self._heard.popitem(last=False)
            return news


class Observer(Generic[_R]):
    """Announces what an engine says of its runs.

    Args:
        engine: the engine.
        state_handlers: the handlers, in order; none: those of the configuration.
        each: whether a task has messages of its own.
        summary: whether a run of several tasks has messages of its own, the last of which counts its tasks.
        no_end_after: how long after the last event the end of a run is waited for; None for ever. Open runs are then kept on disk, so
            that another process can tell that no end was heard of.

    Raises:
        TypeError: an option is invalid.
    """

    def __init__(
        self,
        engine: Engine[_R],
        state_handlers: Iterable[StateHandler[ForeignRun]] = (),
        *,
        each: bool = True,
        summary: bool = True,
        no_end_after: timedelta | None = None,
    ) -> None:
        self.each: bool = _switch("each", each)
        self.summary: bool = _switch("summary", summary)
        self._engine = engine
        _refuse_a_list(state_handlers)
        self._own: Handlers = attached(state_handlers)
        self._silent = frozenset(kind for kind in KINDS if False not in [ignores(handler, kind) for handler in self._own])
        self._heard = HeardRuns()
        self._no_end: NoEnd | None = None
        if no_end_after is not None:
            self._no_end = NoEnd(engine.name, _wait(no_end_after), lambda: self._handlers, _stable_names(self._own))

    def __repr__(self) -> str:
        return f"<observer of {self._engine.name}, for {', '.join(map(quote, self._own)) or 'the handlers of the configuration'}>"

    @property
    def _handlers(self) -> Handlers:
        return self._own or default_recipients().handlers

    def ignores(self, *kinds: type[State]) -> bool:
        """Return whether there is nothing to tell, or to keep, of changes into these kinds of states. A hook asks this first."""
        if self._no_end is not None or look().anything:
            return False
        if self._own:
            return self._silent.issuperset(kinds)
        ignored = default_recipients().ignored
        return set(ignored).issuperset(kinds)

    def never_tells(self, *kinds: type[State]) -> bool:
        """Return whether these kinds are ignored by whatever people leave in the folder of the history: a hook need not be hooked in.

        A silence, or an expected run, is heeded at starts and at ends. Other states mean nothing to it.
        """
        return self._no_end is None and bool(self._own) and self._silent.issuperset(kinds)

    def observe(self, copy: Callable[[], _R | None], *, ends: bool | None = True) -> None:
        """Announce what a record means, if it is news. Raise nothing but a Ctrl-C, and what a signal handler of the host raises.

        Args:
            copy: copies the record out of the engine's objects; None for nothing to tell.
            ends: whether nothing follows the end of a run; None goes by the numbers of the attempt.
        """
        try:
            record = copy()
            if record is None:
                return
            _records.debug("%s: %r", self._engine.name, record)
            foreign, events = self._engine.run_of(record), self._engine.translate(record)
            for event in events:
                announce_foreign(self._heard, foreign, event, self._handlers, ends=ends, no_end=self._no_end)
        except BaseException as error:
            if is_of_host(error):
                raise
            log_failure(error, f"a run of {self._engine.name}")

    def watch_for_ends(self) -> None:
        """Tell, from a thread of this process, of runs whose end is overdue. Without ``no_end_after`` this does nothing."""
        if self._no_end is not None:
            self._no_end.watch()


def announce_foreign(
    heard: HeardRuns,
    foreign: ForeignRun,
    event: Event,
    handlers: Handlers,
    *,
    ends: bool | None,
    no_end: NoEnd | None = None,
    of: Tracked | None = None,
) -> Announcer | None:
    """Announce an event of a foreign run, and return the announcer; None if it is no news.

    The run goes on from what the engine says, whatever the handlers answer. Handlers get ``of`` as what changed; None is for the run.
    """
    event = attrs.evolve(event, facts=foreign.facts(facts(), event.facts))
    news = heard.hear(foreign, event, handlers, ends=ends)
    if news is None:
        return None
    if no_end is not None:  # before the messages: their delivery may take long
        _note(no_end, foreign, news)
    run = news.run if of is None else attrs.evolve(news.run, subject=foreign.subject(handlers, of))
    announcer = new_announcer(handlers, event.facts)
    if announcer.remember is not None or look().anything:
        tell_left(announcer, run.subject)
    feed(announcer, run, news.event)
    return announcer


def _note(no_end: NoEnd, foreign: ForeignRun, news: News) -> None:
    """Have the end of a run waited for, from the time at which the run is due. Who submits a run does not wait for its end.

    Whoever takes the run does. It may be over before the other process notes that it was submitted.
    """
    if isinstance(news.state, Submitted) or type(news.state) is Scheduled:
        return
    due = news.state.start_time if isinstance(news.state, Retrying | Queued) else None
    no_end.note(foreign, is_open=not news.run.ended, due=due)


def _stable_names(handlers: Handlers) -> str:
    """Return what names these handlers alike in every process: without addresses in memory."""
    return ", ".join([_ADDRESS.sub("", name_of(handler)) for handler in handlers])


def _switch(option: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"{option} takes True or False, not {quote(value)}")


def _refuse_a_list(state_handlers: object) -> None:
    """Check that no handler is a list of handlers, which is what other functions of tocsin take."""
    if is_list(state_handlers) and any(is_list(handler) and not callable(handler) for handler in state_handlers):
        how = "write hooks(slack_notifier, gmail_notifier)"
        raise TypeError(f"state handlers are given one by one, not in a list: {how}")


def _wait(value: object) -> timedelta:
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    raise TypeError(f"no_end_after takes a duration, not {quote(value)}: write no_end_after=timedelta(hours=2)")
