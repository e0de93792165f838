"""The course of one run of something that is watched: it begins, and it ends; what happens in between happens anyway.

- A handler may answer with another state, or signal one: that is on the report. The run goes on from what really happened.
- What an inner run told of a failure is not told again, but for ``retell``; the outer one's report says so.
- Nothing that goes wrong here reaches the body, its result or its exception. Ctrl-C does: it is the user's.
- What concerns no handler is worked out when the report is asked for, if it ever is: most runs of a function that is called often go
  well, and nobody wants to hear of them.
"""

from collections.abc import Mapping

import attrs
from typing_extensions import override

from tocsin.core import events as e
from tocsin.core.endings import ending
from tocsin.core.events import Detail, Event, Facts
from tocsin.core.machine import Run, Subject
from tocsin.core.messages.text import cut, quote
from tocsin.core.states import Running, Success
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.announce import Announcer
from tocsin.shell.environment import facts, run_id
from tocsin.shell.report import DeliveryLog, RunReport
from tocsin.watching.context import Level, WatchedRun, innermost, leave, opened
from tocsin.watching.emit import ANYWHERE, CLOCK, feed, mark, reached, survived, told_by
from tocsin.watching.options import WatchRules
from tocsin.watching.recipients import Recipients

_ARGUMENT, _VALUE = 200, 1000  # characters
_NONE: Mapping[str, object] = {}


@attrs.define(eq=False)
class _Record:
    """What was announced of a run so far; ``run`` is where it stands."""

    announcer: Announcer
    run: Run
    logbooks: tuple[DeliveryLog, ...] = ()

    def feed(self, event: Event) -> bool:
        """Announce an event, and go on from what it leads to, whatever the handlers make of that. Whether a message got through."""
        logbook = feed(self.announcer, self.run, event, self.run.subject.slug)
        self.logbooks += (logbook,)
        self.run = self.announcer.announced[-1].after
        return reached(logbook)


class BodyRun(WatchedRun):
    """A run under way: ``begin`` it, and ``end`` it; only the first end counts."""

    __slots__ = ("_audience", "_began", "_details", "_ended", "_record", "_rules", "_settled", "level")

    def __init__(self, rules: WatchRules) -> None:
        super().__init__(rules.called, run_id())
        self._rules = rules
        self._audience: Recipients | None = None
        self._details: tuple[Detail, ...] = ()
        self._record: _Record | None = None
        self._settled = False
        self._began = self._ended = CLOCK.now()
        self.level: Level = Level(innermost(), self)

    def begin(self, arguments: tuple[object, ...] = (), named: Mapping[str, object] = _NONE) -> None:
        """Tell that it started, with these arguments where they may be shown."""
        try:
            if self._rules.show_arguments:
                self._details = (_shown(arguments, named),)
            self._audience = self._rules.audience
            if Running not in self._audience.deaf_to:
                self._record = self._started(self._audience)
        except KeyboardInterrupt:
            leave(self.level)
            raise
        except BaseException as error:
            survived(error, self.name)

    def end(self, error: BaseException | None, result: tuple[object, ...] = ()) -> None:
        """Tell how it ended: with ``error``, or with the one ``result``, where there is one and it may be shown."""
        leave(self.level)
        over, self._over, self._ended = self._over, True, CLOCK.now()
        if over or self._audience is None:
            return
        try:
            if self._rules.show_result:
                self._details += tuple(Detail("Result", _value(each, _VALUE), quoted=True) for each in result)
            if error is not None or Success not in self._audience.deaf_to:
                self._settle(self._audience, error)
        except KeyboardInterrupt:
            raise
        except BaseException as own:
            survived(own, self.name)

    def fail(self, error: BaseException) -> None:
        """Tell how it ended, and keep nothing of it: the exception goes on, and somebody may deal with it, and be rid of its frames."""
        self.end(error)
        self._record = None

    @property
    @override
    def report(self) -> RunReport | None:
        if self._over and self._audience is not None and not self._settled:
            self._settle(self._audience, None)
        if not self._over or self._record is None:
            return None
        told, run = self._record.announcer, self._record.run
        return RunReport(self.name, self.run_id, run.state, tuple(told.announced), self._record.logbooks, tuple(told.faults))

    def _started(self, audience: Recipients) -> _Record:
        known = facts()
        if self._details:
            known = attrs.evolve(known, details=self._details)
        record = _Record(Announcer(CLOCK, known), Run(Subject(self, audience.handlers, self.run_id, self.name)))
        record.feed(e.Started(self._began, None, facts=known))
        return record

    def _settle(self, audience: Recipients, error: BaseException | None) -> None:
        self._settled = True
        by = None if error is None else told_by(error, self.run_id)
        self._record = record = self._record or self._started(audience)
        known = record.announcer.facts = self._known(record.announcer.facts, by)
        got_through = record.feed(ending(error, self._ended, known))
        if error is not None and record.run.state.is_failed():
            self._pass_on(error, self.name if got_through else by)

    def _known(self, known: Facts, by: str | None) -> Facts:
        """What is known at the end."""
        notes = (Detail("Note", "\n".join(self._notes)),) if self._notes else ()
        return Facts(known.host, known.environment, self._details + notes, self._link, None if self._rules.retell else by)

    def _pass_on(self, error: BaseException, teller: str | None) -> None:
        """Let those around know who told of the failure that reaches them now."""
        if teller is not None:
            around = opened(self.level.parent)
            mark(error, teller, [ANYWHERE] if around is None or around.run is None else [ANYWHERE, around.run.run_id])


def _shown(arguments: tuple[object, ...], named: Mapping[str, object]) -> Detail:
    values = [_value(each, _ARGUMENT) for each in arguments] + [f"{name}={_value(each, _ARGUMENT)}" for name, each in named.items()]
    return Detail("Arguments", cut(", ".join(values), _VALUE), quoted=True)


def _value(value: object, limit: int) -> str:
    """A value as its own repr shows it, without a secret that we know."""
    return cut(redact(quote(value)), limit)
