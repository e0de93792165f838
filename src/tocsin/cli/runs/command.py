"""``tocsin runs``: shows labels or runs, as a table or as JSON."""

from datetime import UTC, datetime

from tocsin.cli.runs.as_json import labels_json, runs_json
from tocsin.cli.runs.labels import chosen
from tocsin.cli.runs.query import UNUSABLE, RunsOptions, look_up
from tocsin.cli.runs.table import grid, label_rows, run_rows
from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, plain_text, say
from tocsin.core.outbox.status import parse_age
from tocsin.core.text import one_line, quote
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.run_locks import line


def runs(options: RunsOptions) -> int:
    """Show labels or runs, and return the exit status: 2 if an argument or the history cannot be used."""
    since = None if options.since is None else _since(options.since, datetime.now(UTC))
    if options.since is not None and since is None:
        complain(f"--since takes an age such as 2h or 7d, or a date such as 2026-01-31, not {quote(options.since)}")
        return UNUSABLE
    try:
        known = look_up(options, since)
    except HistoryError as error:
        complain(str(error))
        return UNUSABLE
    labels = None if options.shows_runs else chosen(known, options)
    if options.as_json:
        write(f"{runs_json(known) if labels is None else labels_json(labels)}\n")
    elif known.is_empty or labels == ():
        say(console(), plain_text(_nothing(options)))
    else:
        say(console(), grid(run_rows(known) if labels is None else label_rows(labels)))
    return 0


def _since(text: str, now: datetime) -> datetime | None:
    """Return the moment that an age, a date, or a date and time in the local zone stands for."""
    age = parse_age(text)
    try:
        return datetime.fromisoformat(text).astimezone() if age is None else now - age
    except (ValueError, OverflowError):
        return None


def _nothing(options: RunsOptions) -> str:
    of = "" if options.label is None else f" of {line(options.label)!r}"
    if options.only_open:
        return f"no runs are open{of}"
    if options.failed:
        return f"no failed runs{of}"
    if options.since is not None:
        return f"no runs{of} have ended since {one_line(options.since)}"
    return f"no runs yet{of}: tocsin exec --label=NAME -- COMMAND makes one"
