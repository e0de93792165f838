"""Tells people of runs that were expected and did not start, and of those that start again.

- ``core.absence`` decides. The configuration says who is told: those whom it names, by the filters that it has.
- A miss is a change to ``TriggerFailed``, whose verb is *was not run*; the recovery is one to ``Success``. Both have the id of the
  miss, so that an outbox refuses what a second process tells.
- Who tells holds the claim of the label until the message is safe, and commits before that what was told. If it is killed before, or
  if all messages failed, the next check tells.
- Without anybody to tell, nothing counts as told.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

import attrs

from tocsin.core.absence import (
    Absence,
    Missed,
    Recovered,
    ToldMiss,
    absence,
    decide,
    describe_miss,
    describe_recovery,
    miss_id,
)
from tocsin.core.changes import Streak
from tocsin.core.endings import Command
from tocsin.core.events import Detail, Signalled
from tocsin.core.machine import Announcement, Run, Subject
from tocsin.core.notifiers import Messenger
from tocsin.core.states import Pending, Running, State, Success, TriggerFailed
from tocsin.core.text import describe
from tocsin.shell import log
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.config.load import configuration
from tocsin.shell.current import mode_of
from tocsin.shell.history.expectations import Claim, ExpectationStore, Stored
from tocsin.shell.history.journal import BUSY, HistoryError
from tocsin.shell.history.looked import looked
from tocsin.shell.history.silences import silence_of
from tocsin.shell.history.streaks import Fate, Remembered
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.report import DeliveryLog

_BUSY_AT_RUN = 0.5  # seconds that a run, which may be a coroutine, waits at most for a locked history


@attrs.frozen
class News:
    """What there is to tell of a label, in a sentence."""

    label: str
    text: str


@attrs.frozen
class Overdue:
    """An overdue label, and a sentence about it."""

    label: str
    absence: Absence
    text: str


@attrs.frozen
class Checked:
    """The result of a check.

    Args:
        overdue: what is overdue.
        problems: why an expectation cannot be used, one line each.
        told: what people are told of.
        lacks_people: whether there is something to tell, and the configuration names nobody to tell.
    """

    overdue: tuple[Overdue, ...]
    problems: tuple[str, ...]
    told: tuple[News, ...] = ()
    lacks_people: bool = False


def overdue(store: ExpectationStore, label: str | None = None) -> tuple[Overdue, ...]:
    """Return what is overdue now, of one label or of all, by label. It tells nobody.

    Raises:
        HistoryError: the history cannot be used.
    """
    now = CLOCK.now()
    return _late((each for each in store.contents(now).stored if label in {None, each.expected.label}), now)


def overdue_of(stored: Stored, now: datetime) -> Overdue | None:
    """Return how one label is overdue now; None if it is not."""
    missed = absence(stored.expected, stored.seen, now)
    return None if missed is None else Overdue(stored.expected.label, missed, describe_miss(stored.expected, missed, stored.seen))


def _late(stored: Iterable[Stored], now: datetime) -> tuple[Overdue, ...]:
    found = [overdue_of(each, now) for each in stored]
    return tuple(late for late in found if late is not None)


def check_expectations(make_interpreter: Callable[[], Interpreter], busy: float = BUSY) -> Checked:
    """Tell people of what was missed, and of what runs again.

    If notifications are printed, nothing is remembered; if they are dropped, nothing is told.

    Args:
        make_interpreter: returns the interpreter; called only if there is something to tell.
        busy: the longest wait for the file of the history while another process has locked it, in seconds.

    Raises:
        HistoryError: the history cannot be used.
    """
    store, now = attrs.evolve(ExpectationStore.usual(), busy=busy), CLOCK.now()
    contents = store.contents(now)
    late = _late(contents.stored, now)
    for each in contents.stored:
        store.note(each, now)
    due = [each for each in contents.stored if decide(each.expected, each.seen, each.told, now) is not None]
    checked = Checked(late, contents.problems)
    return _Teller(store, make_interpreter()).tell(due, now, checked) if due else checked


def check_quietly(make_interpreter: Callable[[], Interpreter], busy: float = BUSY) -> None:
    """Do what ``check_expectations`` does, and log why it could not. It raises nothing."""
    try:
        for problem in check_expectations(make_interpreter, busy).problems:
            log.once(problem)
    except HistoryError as error:
        log.surely(f"{error}; nobody is told of runs that were missed")
    except Exception as error:
        log.surely(f"nobody is told of runs that were missed: {describe(error)}")


def check_at_run(log: DeliveryLog) -> None:
    """Check at a run of anything in this process, if it really notifies. Raise nothing."""
    if log.mode == "live":
        looked.note_check()
        check_quietly(lambda: log.below, busy=_BUSY_AT_RUN)


@attrs.frozen
class _Teller:
    """Tells people of several labels, each under its claim."""

    store: ExpectationStore
    interpreter: Interpreter

    def tell(self, due: list[Stored], now: datetime, checked: Checked) -> Checked:
        """Tell of what is due, and return the result of the check with that."""
        mode = mode_of(self.interpreter)
        if mode == "none":
            return checked
        from tocsin.shell.config.defaults import usual_handlers  # which loads all that sends

        handlers = usual_handlers(configuration(), mode)
        if not handlers:
            return attrs.evolve(checked, lacks_people=True)
        if mode == "print":
            told = [self._announce(each, handlers, now) for each in due]
        else:  # of a silent label, the first check after the silence decides
            told = [self._send(each, handlers, now) for each in due if silence_of(each.expected.label) is None]
        return attrs.evolve(checked, told=tuple(news for news in told if news is not None))

    def _send(self, stored: Stored, handlers: tuple[Messenger, ...], now: datetime) -> News | None:
        claim = self.store.claim(stored.expected.label)
        if claim is None:
            return None
        try:
            fresh = self.store.find(stored.expected.label, now)  # another process may just have told
            news = None if fresh is None else self._announce(fresh, handlers, now, claim)
        except BaseException:
            claim.close()
            raise
        if news is None:
            claim.close()
        return news

    def _announce(self, stored: Stored, handlers: tuple[Messenger, ...], now: datetime, claim: Claim | None = None) -> News | None:
        """Announce what there is to tell of a label, and return it; None if there is nothing."""
        decision = decide(stored.expected, stored.seen, stored.told, now)
        if decision is None:
            return None
        if isinstance(decision, Recovered) and decision.failed:  # the failure of the run is a message of its own
            if claim is not None:
                self.store.tell(stored.expected.label, None)
            return None
        announcer = Announcer(DeliveryLog(self.interpreter), CLOCK, facts())
        after = decision.told if isinstance(decision, Missed) else None
        if claim is not None:
            settle = partial(_settle, self.store, stored.expected.label, after, claim)
            past = Streak() if isinstance(decision, Missed) else Streak(failed=True, length=1)
            announcer.remember = lambda _, __: Remembered(past, settle)
        announcement = _announcement(stored, decision, handlers, now)
        announcer.announce(announcement, ends=True)
        return News(stored.expected.label, f"{announcement.after.state.message}")


def _settle(store: ExpectationStore, label: str, told: ToldMiss | None, claim: Claim, fate: Fate) -> None:
    """Remember what was told once a message is safe, and release the claim."""
    try:
        if fate == "safe":
            store.tell(label, told)
    except HistoryError as error:
        log.surely(f"{error}; people may be told again of {label!r}")
    finally:
        claim.close()


def _announcement(stored: Stored, decision: Missed | Recovered, handlers: tuple[Messenger, ...], now: datetime) -> Announcement:
    expected = stored.expected
    known = attrs.evolve(facts(), details=(Detail("Expected", str(expected)),))
    subject = Subject(Command(expected.label), handlers, miss_id(expected, decision.told), expected.label, shows_run_id=False)
    if isinstance(decision, Missed):
        state: State = TriggerFailed(describe_miss(expected, decision.absence, stored.seen))
        before = Run(subject, Pending())
    else:
        state = Success(describe_recovery(expected, decision))
        before = Run(subject, Running(), ordinal=1)
    after = attrs.evolve(before, state=state, ordinal=before.ordinal + 1, ended=True)
    return Announcement(before, after, Signalled(now, state=state, ends=True, facts=known), len(handlers))
