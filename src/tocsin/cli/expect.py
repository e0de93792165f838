"""``tocsin expect``: keeps what runs are expected, shows it, and tells people of a run that did not start.

Exit statuses: 0, or 1 if ``--check`` finds a label overdue, or 2 if the arguments or the history are not usable.

``--json`` prints one object: times are ISO 8601, durations seconds. Problems are on standard error all the same.
"""

import re
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import datetime, time, timedelta

import attrs
from rich.table import Table

from tocsin.cli.runs.as_json import overdue_json
from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, own_text, plain_text, say
from tocsin.core.absence import Daily, Every, Expectation, deadline
from tocsin.core.outbox.status import parse_age
from tocsin.core.text import cut, one_line, quote
from tocsin.shell.absence import check_expectations, overdue_of
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.current import current_of_runs
from tocsin.shell.history.expectations import ExpectationStore, Stored
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.time_zones import UnknownZoneError, system_zone, zone_of

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
    as_json: bool


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
        return _check(as_json=options.as_json)
    if label is None and not given and not options.remove:
        return _show(as_json=options.as_json)
    if not label and options.remove:
        raise _UsageError("which label? write tocsin expect --remove LABEL; tocsin expect shows the labels")
    if not label:
        raise _UsageError("there is no label: write tocsin expect LABEL --every 24h, with the --label of tocsin exec")
    return _remove(label, as_json=options.as_json) if options.remove else _put(label, options)


_USAGE = {"--check": "--check", "--remove": "--remove LABEL"}


def _put(label: str, options: ExpectOptions) -> int:
    grace = _duration("--grace", options.grace or GRACE, least=timedelta(0))
    now = CLOCK.now().astimezone()
    expected, store = Expectation(label, _schedule(options), grace, now), ExpectationStore.usual()
    new = store.put(expected)
    for stored in store.contents(now).stored:
        if stored.expected.label == label:
            if options.as_json:
                write(f"{json_line({**_stored_json(stored, now), 'new': new})}\n")
            else:
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


def _remove(label: str, *, as_json: bool) -> int:
    if not ExpectationStore.usual().remove(label):
        raise _UsageError(f"no run of {quote(label)} is expected: tocsin expect shows what is")
    write(f"{json_line({'label': label, 'removed': True})}\n" if as_json else f"{_shown(label)}: no longer expected\n")
    return 0


def _check(*, as_json: bool) -> int:
    """Tell people of what was missed. Print what they are told of, so that a check without news prints nothing, for cron's sake.

    If the configuration names nobody, print what is overdue, so that whoever reads it is told. This process sends the messages
    before it ends.
    """
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # a dry run prints its messages
        checked = check_expectations(current_of_runs)
    for problem in checked.problems:
        complain(problem)
    if as_json:
        told = [{"label": each.label, "message": each.text} for each in checked.told]
        write(f"{json_line({'told': told, 'overdue': [overdue_json(late) for late in checked.overdue]})}\n")
    else:
        for each in checked.overdue if checked.lacks_people else checked.told:
            say(console(), plain_text(f"{each.label}: {each.text}"))
    return UNUSABLE if checked.problems else 1 if checked.overdue else 0


def _show(*, as_json: bool) -> int:
    now = CLOCK.now()
    contents = ExpectationStore.usual().contents(now)
    for problem in contents.problems:
        complain(problem)
    table = Table.grid(padding=(0, 2))
    for stored in contents.stored:
        table.add_row(own_text(_shown(stored.expected.label)), plain_text(str(stored.expected)), plain_text(_until(stored)))
    if as_json:
        write(f"{json_line({'expected': [_stored_json(stored, now) for stored in contents.stored]})}\n")
    elif contents.stored:
        say(console(), table)
    elif not contents.problems:
        write("no run is expected: tocsin expect LABEL --every 24h expects one a day\n")
    return UNUSABLE if contents.problems else 0


def _stored_json(stored: Stored, now: datetime) -> dict[str, object]:
    expected, seen = stored.expected, stored.seen
    schedule, late = expected.schedule, overdue_of(stored, now)
    return {
        "label": expected.label,
        "every": schedule.interval.total_seconds() if isinstance(schedule, Every) else None,
        "at": f"{schedule.at:%H:%M}" if isinstance(schedule, Daily) else None,
        "zone": str(schedule.zone) if isinstance(schedule, Daily) else None,
        "grace": expected.grace.total_seconds(),
        "since": expected.since.isoformat(),
        "last_started": None if seen.last is None else seen.last.started.isoformat(),
        "open": any(run.is_within_limit(now) for run in seen.underway),
        "deadline": deadline(expected, seen, now).isoformat(),
        "overdue": None if late is None else overdue_json(late),
    }


def _until(stored: Stored) -> str:
    """Return how a label stands: since when it is overdue, or from when on it would be."""
    now = CLOCK.now()
    late = overdue_of(stored, now)
    if late is not None:
        return f"overdue: {late.text}"
    if any(run.is_within_limit(now) for run in stored.seen.underway):
        return "a run is open"
    schedule = stored.expected.schedule
    zone = schedule.zone if isinstance(schedule, Daily) else None
    return f"a run must start by {deadline(stored.expected, stored.seen, now).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _shown(label: str) -> str:
    return cut(one_line(label), _LONGEST_LABEL)
