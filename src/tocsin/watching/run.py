"""``BodyRun``: one run of a watched body, from its begin to its end.

- A handler may answer with another state, or raise a signal. That is on the report. The run continues from what really happened.
- A failure that an inner run reported is not reported again, except with ``retell``. The report of the outer run says so.
- No error here reaches the body, its result or its exception. A KeyboardInterrupt does, since it comes from the user.
- States that all handlers ignore are computed when the report is read. Most runs of a function that is called often succeed, and no
  report of them is ever read.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from tocsin.core import events as e
from tocsin.core.endings import ending, stand_in
from tocsin.core.events import Detail, Event, Facts
from tocsin.core.machine import Run, Subject
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.progress import Countable, worded
from tocsin.core.states import Running, Success
from tocsin.shell.additions.levels import RunLevel, innermost, leave
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.environment import run_id
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.history.looked import look, looked
from tocsin.shell.report import DeliveryLog, Entry, RunReport
from tocsin.watching.context import WatchedRun, watched_around
from tocsin.watching.emit import ANYWHERE, feed, log_failure, mark, new_announcer, tell_left, told_by, was_delivered
from tocsin.watching.options import WatchRules
from tocsin.watching.ranks import failures_only, own_rank
from tocsin.watching.recipients import Recipients

if TYPE_CHECKING:
    from tocsin.watching.ongoing import Ongoing

_RESULT_LIMIT = 1000  # characters
_NO_ARGUMENTS: Mapping[str, object] = {}
_FAILURES = (e.Raised, e.TimedOutAt, e.Interrupted)
_beginning = ForkSafeLock()  # what all runs tell meanwhile
_now = partial(datetime.now, UTC)  # what the system's clock does, without a call of Python's own: each watched call does it twice


@attrs.define(eq=False)
class _Record:
    """What was announced of a run so far, its current ``run``, and the process that announces it."""

    announcer: Announcer
    run: Run
    process: int

    def feed(self, event: Event) -> list[Entry]:
        """Announce an event, and continue from its own state, not from a handler's. Return its deliveries."""
        try:
            return feed(self.announcer, self.run, event)
        finally:  # a KeyboardInterrupt may have come once the event was announced
            if self.announcer.announced:
                self.run = self.announcer.announced[-1].after

    def say(self, said: e.Said) -> None:
        """Announce what was said. An edit is on no report, which would grow as long as the run goes on.

        A forked child does so as a run of its own: its parent may announce as much, with the same keys.
        """
        if self.process != os.getpid():
            self.process, subject = os.getpid(), attrs.evolve(self.run.subject, run_id=run_id())
            self.run = attrs.evolve(self.run, subject=subject)
        if not said.edits:
            self.feed(said)
            return
        known = self.announcer
        apart = Announcer(DeliveryLog(known.log.inner), known.clock, known.facts)
        feed(apart, self.run, said)
        self.run = apart.announced[-1].after


class BodyRun(WatchedRun):
    """A run of a watched body. Call ``begin``, then ``end``. Only the first end counts."""

    __slots__ = (
        *(
            "_began",
            "_details",
            "_ended",
            "_entered",
            "_finished",
            "_is_first",
            "_ongoing",
            "_recipients",
            "_record",
            "_rules",
            "_took",
        ),
        "level",
    )

    def __init__(self, rules: WatchRules) -> None:
        rank = own_rank() if rules.ranks else ""
        super().__init__(f"{rules.display_name} ({rank})" if rank else rules.display_name, run_id())
        self._rules = rules
        self._is_first = not rank
        self._ongoing: Ongoing | None = None  # most runs tell nothing meanwhile
        self._recipients: Recipients | None = None
        self._details: tuple[Detail, ...] = ()
        self._record: _Record | None = None
        self._finished = False
        self._began = self._ended = _now()
        self.level: RunLevel = RunLevel(innermost(), self)

    def begin(self, function: object = None, arguments: tuple[object, ...] = (), named: Mapping[str, object] = _NO_ARGUMENTS) -> None:
        """Announce the start, with the arguments of the call if the rules show them. The body is measured from the end of this call."""
        try:
            if self._rules.show_arguments:
                from tocsin.watching.arguments import shown_arguments  # most runs show none

                self._details = (shown_arguments(function, arguments, named),)
            self._recipients = self._rules.recipients if self._is_first else failures_only(self._rules.recipients)
            self._entered = read = monotonic()
            if Running not in self._recipients.ignored or (looked.anything if read < looked.until else look().anything):
                self._is_starting = True
                self._record = self._start(self._recipients)
                self._is_starting = False
                if self._said is not None:  # a handler said something
                    self._said.announce_waiting()
                self._entered = monotonic()  # after our own work: the first run loads modules
            if self._rules.still_running is not None and self._is_first:
                self._going_on().remind(self._rules.still_running)
        except KeyboardInterrupt:
            leave(self.level)
            raise
        except BaseException as error:
            self._is_starting = False
            log_failure(error, self.name)
            self._entered = monotonic()

    def end(self, error: BaseException | None, result: tuple[object, ...] = ()) -> None:
        """Announce the end: by ``error``, or by success. ``result`` holds at most one value, which is shown if the rules say so."""
        leave(self.level)
        read, ended = monotonic(), _now()
        over, self._over = self._over, True
        if over or self._recipients is None:
            return
        self._took, self._ended = read - self._entered, ended
        try:
            if self._ongoing is not None:
                self._ongoing.close()
            if self._said is not None:
                self._close_said(self._said)
            if self._rules.show_result:
                from tocsin.watching.arguments import shown_value

                self._details += tuple(Detail("Result", shown_value(each, _RESULT_LIMIT), quoted=True) for each in result)
            if (
                error is not None
                or Success not in self._recipients.ignored
                or (looked.anything if read < looked.until else look().anything)
            ):
                self._finish(self._recipients, error)
        except KeyboardInterrupt:
            raise
        except BaseException as own:
            log_failure(own, self.name)

    def fail(self, error: BaseException) -> None:
        """Announce the failure, and drop the record: a caller may catch the exception, and its frames must then be freed."""
        self.end(error)
        self._record = None

    @override
    def progress(self, done: Countable, total: Countable | None = None) -> None:
        try:
            ongoing = self._ongoing
            if ongoing is None or self._over:
                if self._over:
                    self._log_late("the progress")
                    return
                ongoing = self._going_on()
            ongoing.steps.count(done, total)
            if not ongoing.is_shown:
                ongoing.show_progress(may_edit=self._recipients is not None and any(map(_may_edit, self._recipients.handlers)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log_failure(error, self.name)

    def _going_on(self) -> "Ongoing":
        from tocsin.watching.ongoing import Ongoing

        with _beginning.lock:
            self._ongoing = ongoing = self._ongoing or Ongoing(self.name, self._entered, self._tell)
        return ongoing

    def _tell(self, said: e.Said) -> None:
        if not self._over:
            self._say(lambda queue: queue.put_event(said))

    @override
    def _announce(self, said: e.Said) -> None:
        try:
            if self._recipients is not None:
                self._record = record = self._record or self._start(self._recipients)
                known, added = record.announcer.facts, self._added()
                details = known.details if said.verb is None else known.details + said.facts.details + added.details
                record.say(attrs.evolve(said, facts=attrs.evolve(known, link=added.link, details=details)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log_failure(error, self.name)

    @property
    @override
    def report(self) -> RunReport | None:
        if self._over and self._recipients is not None and not self._finished:
            self._finish(self._recipients, None)
        if not self._over or self._record is None:
            return None
        announcer, run = self._record.announcer, self._record.run
        return RunReport(self.name, self.run_id, run.state, tuple(announcer.announced), announcer.log, tuple(announcer.faults))

    def _start(self, recipients: Recipients) -> _Record:
        known = facts()
        if self._details:
            known = attrs.evolve(known, details=self._details)
        handlers = recipients.handlers
        record = _Record(
            new_announcer(handlers, known), Run(Subject(self, handlers, self._run_id, self._name, shows_run_id=False)), os.getpid()
        )
        if record.announcer.remember is not None or look().anything:  # then this is the begin of the body
            tell_left(record.announcer, record.run.subject)
        record.feed(e.Started(self._began, None, facts=known))
        return record

    def _finish(self, recipients: Recipients, error: BaseException | None) -> None:
        self._finished = True
        inner = None if error is None else told_by(error, self._run_id)
        self._record = record = self._record or self._start(recipients)
        known = record.announcer.facts = self._final_facts(record.announcer.facts, inner)
        took, interrupt = timedelta(seconds=self._took), None
        try:
            event = ending(error, self._ended, known, took, self._rules.expected)
        except KeyboardInterrupt as interruption:  # of the text of the exception: people are told first
            event, interrupt = ending(None if error is None else stand_in(error), self._ended, known, took), interruption
        entries = record.feed(self._with_progress(event))
        if error is not None and record.run.state.is_failed():
            self._mark_for_outer(error, self._name if was_delivered(entries) else inner)
        if interrupt is not None:
            raise interrupt

    def _final_facts(self, known: Facts, inner: str | None) -> Facts:
        """Return the facts of the end: with what the body added, and the inner run that reported the failure."""
        added, told = self._added(), None if self._rules.retell else inner
        return Facts(known.host, known.environment, self._details + added.details, added.link, told, added.attachments)

    def _with_progress(self, event: Event) -> Event:
        """Return the event of the end with the last progress, if it is a failure."""
        progress = None if self._ongoing is None else self._ongoing.steps.progress()
        if progress is None or not (event.state.is_failed() if isinstance(event, e.Signalled) else isinstance(event, _FAILURES)):
            return event
        place, known = len(self._details), event.facts.details
        details = (*known[:place], Detail("Progress", worded(progress)), *known[place:])
        return attrs.evolve(event, facts=attrs.evolve(event.facts, details=details))

    def _mark_for_outer(self, error: BaseException, by: str | None) -> None:
        """Mark the exception as reported by ``by``, for the runs around this one."""
        if by is not None:
            outer = watched_around(self.level.parent)
            mark(error, by, [ANYWHERE] if outer is None else [ANYWHERE, outer.run_id])


def _may_edit(handler: object) -> bool:
    return isinstance(handler, SlackNotifier) and handler.bot is not None
