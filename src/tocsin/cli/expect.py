"""``tocsin expect``: keeps what runs are expected, shows it, and tells people of a run that did not start.

Exit statuses: 0, or 1 if ``--check`` finds a label overdue, or 2 if the arguments or the history are not usable.
"""

import re
from datetime import time, timedelta
from typing import TYPE_CHECKING

import attrs
from rich.table import Table
from typing_extensions import override

from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, own_text, plain_text, say
from tocsin.core.absence import Daily, Every, Expectation, absence, deadline, describe_miss
from tocsin.core.effects import CallBack, Effect
from tocsin.core.outbox.status import parse_age
from tocsin.core.outcomes import STORED, Outcome, Retryable
from tocsin.core.text import cut, one_line, quote
from tocsin.shell import queues
from tocsin.shell.absence import PeriodicCheck, check_expectations
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.current import current_of_runs
from tocsin.shell.errors import OutboxError
from tocsin.shell.history.expectations import ExpectationStore, Stored
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.run_record import HistoryError
from tocsin.shell.history.time_zones import UnknownZoneError, system_zone, zone_of
from tocsin.shell.interpreter import OnSettled, Queueing

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

UNUSABLE = 2
GRACE = "5m"
"""How long a run may be late where ``--grace`` is not given."""

_LONGEST = timedelta(days=366)
_LONGEST_LABEL = 60  # characters
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


class _UsageError(Exception):
    """The arguments are wrong. The message says in one line what to write."""


@attrs.frozen(kw_only=True)
class ExpectOptions:
    """The arguments of ``tocsin expect``, as they were typed."""

    label: str | None
    every: str | None
    at: str | None
    zone: str | None
    grace: str | None
    check: bool
    remove: bool


def expect(options: ExpectOptions) -> int:
    """Do what the options say, and return the exit status."""
    try:
        return _chosen(options)
    except (HistoryError, UnknownZoneError, _UsageError) as error:
        complain(str(error))
        return UNUSABLE


def _chosen(options: ExpectOptions) -> int:
    label = None if options.label is None else line(options.label)
    timed = {"--every": options.every, "--at": options.at, "--tz": options.zone, "--grace": options.grace}
    given = [name for name, value in timed.items() if value is not None]
    alone = "--check" if options.check else "--remove"
    if options.check:
        given += [*(["--remove"] if options.remove else []), *([] if label is None else ["a label"])]
    if (options.check or options.remove) and given:
        raise _UsageError(f"{alone} goes without {given[0]}: write tocsin expect {_USAGE[alone]}")
    if options.check:
        return _check()
    if label is None and not given and not options.remove:
        return _show()
    if not label:
        raise _UsageError("there is no label: write tocsin expect LABEL --every 24h, with the --label of tocsin exec")
    return _remove(label) if options.remove else _put(label, options)


_USAGE = {"--check": "--check", "--remove": "--remove LABEL"}


def _put(label: str, options: ExpectOptions) -> int:
    grace = _duration("--grace", options.grace or GRACE, least=timedelta(0))
    now = CLOCK.now().astimezone()
    expected, store = Expectation(label, _schedule(options), grace, now), ExpectationStore.usual()
    new = store.put(expected)
    for stored in store.contents(now).stored:
        if stored.expected.label == label:
            write(f"{_shown(label)}: {expected}; {_until(stored)}{'' if new else ' (as before)'}\n")
    return 0


def _schedule(options: ExpectOptions) -> Every | Daily:
    if (options.every is None) == (options.at is None):
        raise _UsageError("write one of --every and --at: tocsin expect LABEL --every 24h, or tocsin expect LABEL --at 03:00")
    if options.every is not None:
        if options.zone is not None:
            raise _UsageError("--tz goes with --at: an interval is the same in every time zone")
        return Every(_duration("--every", options.every, least=timedelta(seconds=1)))
    found = _TIME.fullmatch(options.at or "")
    if found is None:
        raise _UsageError(f"--at takes a time of day such as 03:00 or 17:30, not {quote(options.at)}")
    return Daily(time(int(found[1]), int(found[2])), zone_of(system_zone() if options.zone is None else options.zone))


def _duration(option: str, text: str, *, least: timedelta) -> timedelta:
    found = parse_age(text)
    if found is None:
        raise _UsageError(f"{option} takes a duration such as 30m, 24h or 7d, not {quote(text)}")
    if not least <= found <= _LONGEST:
        raise _UsageError(f"{option} takes {'1s' if least else '0s'} to 366d, not {quote(text)}")
    return found


def _remove(label: str) -> int:
    if ExpectationStore.usual().remove(label):
        write(f"{_shown(label)}: no longer expected\n")
        return 0
    raise _UsageError(f"no run of {quote(label)} is expected: tocsin expect shows what is")


def _check() -> int:
    """Tell people of what was missed. Print what they are told of, so that a check without news prints nothing, for cron's sake."""
    checked = check_expectations(current_of_runs)
    for text in checked.told:
        say(console(), plain_text(text))
    for problem in checked.problems:
        complain(problem)
    queues.flush()
    return UNUSABLE if checked.problems else 1 if checked.overdue else 0


def _show() -> int:
    contents = ExpectationStore.usual().contents(CLOCK.now())
    for problem in contents.problems:
        complain(problem)
    table = Table.grid(padding=(0, 2))
    for stored in contents.stored:
        table.add_row(own_text(_shown(stored.expected.label)), plain_text(str(stored.expected)), plain_text(_until(stored)))
    if contents.stored:
        say(console(), table)
    elif not contents.problems:
        write("no run is expected: tocsin expect LABEL --every 24h expects one a day\n")
    return UNUSABLE if contents.problems else 0


def _until(stored: Stored) -> str:
    """Return how a label stands: since when it is overdue, or from when on it would be."""
    now = CLOCK.now()
    missed = absence(stored.expected, stored.seen, now)
    if missed is not None:
        return f"overdue: {describe_miss(stored.expected, missed, stored.seen)}"
    if any(run.is_within_limit(now) for run in stored.seen.underway):
        return "a run is open"
    schedule = stored.expected.schedule
    zone = schedule.zone if isinstance(schedule, Daily) else None
    return f"a run must start by {deadline(stored.expected, stored.seen, now).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _shown(label: str) -> str:
    return cut(one_line(label), _LONGEST_LABEL)


class _Into(Queueing):
    """An interpreter that puts messages into an outbox, from which others send them."""

    notify = "live"

    def __init__(self, store: "Store") -> None:
        self._store = store

    @override
    def submit(self, effect: Effect, on_settled: OnSettled, /) -> Outcome:
        """Store the message."""
        from tocsin.shell.outbox.codec import new_row

        assert not isinstance(effect, CallBack)  # configured notifiers make messages alone
        try:
            self._store.put([new_row(effect, self._store.now())])
        except OutboxError as error:
            outcome = Retryable(str(error))
            on_settled(outcome)
            return outcome
        return STORED


def periodic_check(store: "Store") -> PeriodicCheck:
    """Return the checks of a service that sends from an outbox: its messages go into that outbox."""
    return PeriodicCheck(lambda: _Into(store))
