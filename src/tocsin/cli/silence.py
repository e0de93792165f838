"""``tocsin silence``: sends no message about a label for a time, lists what is silent, and tells afterwards what is still broken."""

import time
from datetime import timedelta
from difflib import get_close_matches

from rich.table import Table
from rich.text import Text

from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, own_text, plain_text, say
from tocsin.core.endings import Command
from tocsin.core.machine import Subject
from tocsin.core.outbox.model import moment_of
from tocsin.core.outbox.status import parse_age
from tocsin.core.silences import Silence
from tocsin.core.text import cut, one_line, quote, span
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.announce import Announcer, facts
from tocsin.shell.config.defaults import default_handlers
from tocsin.shell.config.load import configuration
from tocsin.shell.current import current_of_runs
from tocsin.shell.environment import run_id
from tocsin.shell.history.journal import KEPT_IN_ALL, HistoryError
from tocsin.shell.history.looked import look
from tocsin.shell.history.run_locks import line
from tocsin.shell.history.silences import HeldEnd, due_labels, end_silences, held_ends, silence, silences
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.report import DeliveryLog

_UNUSABLE = 2
_LONGEST = timedelta(days=366)
_LONGEST_LABEL = 60  # characters


def silence_label(label: str, how_long: str | None, because: str | None, *, as_json: bool) -> int:
    """Silence a label, and return the exit status: 2 if the arguments or the history cannot be used."""
    if how_long is None:
        complain(f"say how long: write tocsin silence {quote(label)} --for 2h, or --end to end its silence now")
        return _UNUSABLE
    wanted = parse_age(how_long)
    if wanted is None or not timedelta(0) < wanted <= _LONGEST:
        complain(f"--for takes a time such as 30m, 2h or 7d, at most 366d, not {quote(how_long)}")
        return _UNUSABLE
    if not line(label):
        complain("LABEL is empty: tocsin runs shows the labels")
        return _UNUSABLE
    now = time.time()
    try:
        known = {run.label for run in HistoryStore.usual().history(limit=KEPT_IN_ALL)}
        made = silence(label, now, now + wanted.total_seconds(), because)
    except HistoryError as error:
        complain(str(error))
        return _UNUSABLE
    if as_json:
        write(f"{json_line(_as_json(made))}\n")
    else:
        then = "what is still broken then is told by its next run, or by tocsin outbox drain --watch"
        say(console(), plain_text("silent until ").append(_until(made)).append(": ").append(own_text(made.label)).append(f"; {then}"))
    near = [] if made.label in known else get_close_matches(made.label, known, 1)
    if near:
        complain(f"no run of {quote(made.label)} is known: did you mean {quote(near[0])}?")
    return 0


def misused(*, end: bool) -> int:
    """Say that an option needs a label, and return the exit status. ``end`` says whether it is ``--end``."""
    if end:
        complain("which label? write tocsin silence LABEL --end; tocsin silence shows what is silent")
    else:
        complain("which label? write tocsin silence LABEL --for 2h; tocsin runs shows the labels")
    return _UNUSABLE


def end_silence(label: str, *, as_json: bool) -> int:
    """End the silences of a label now, and return the exit status: 1 if it has none."""
    try:
        ended = end_silences(label, time.time())
    except HistoryError as error:
        complain(str(error))
        return _UNUSABLE
    if as_json:
        write(f"{json_line({'label': line(label), 'ended': ended})}\n")
    elif ended:
        say(console(), own_text(f"no longer silent: {line(label)}"))
    if not ended:
        complain(f"{quote(line(label))} is not silent: tocsin silence shows what is")
    return 0 if ended else 1


def list_silences(*, as_json: bool) -> int:
    """Show the silences that are in force, and what is held back. Return the exit status."""
    now = time.time()
    try:
        found, held = silences(now), [each for each in held_ends() if each.kept is not None]
    except HistoryError as error:
        complain(str(error))
        return _UNUSABLE
    if as_json:
        write(f"{json_line({'silences': [_as_json(each) for each in found], 'held': [_held_json(each) for each in held]})}\n")
    elif not (found or held):
        say(console(), plain_text("nothing is silent: tocsin silence LABEL --for 2h sends no message about it for two hours"))
    else:
        say(console(), _table(found, held, now))
    return 0


def _table(found: tuple[Silence, ...], held: list[HeldEnd], now: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in found:
        left = plain_text(f"{span(timedelta(seconds=each.until - now))} left")
        table.add_row(_label(each.label), plain_text("silent until ").append(_until(each)), left, plain_text(each.because or ""))
    for end in held:
        what = "a failure" if end.state.held == "failure" else "a recovery"
        said = "" if end.kept is None else one_line(end.kept.message or end.kept.kind)
        table.add_row(_label(end.label), plain_text(f"{what} is held back"), plain_text(""), plain_text(said))
    return table


def _label(label: str) -> Text:
    return own_text(cut(one_line(label), _LONGEST_LABEL))


def _until(silence: Silence) -> Text:
    return plain_text(moment_of(silence.until).astimezone().strftime("%Y-%m-%d %H:%M"))


def _as_json(silence: Silence) -> dict[str, object]:
    return {
        "label": silence.label,
        "since": moment_of(silence.since).isoformat(),
        "until": moment_of(silence.until).isoformat(),
        "because": silence.because,
    }


def _held_json(end: HeldEnd) -> dict[str, object]:
    kept = end.kept
    return {
        "label": end.label,
        "what": end.state.held,
        "run_id": None if kept is None else kept.run_id,
        "ended": None if kept is None else moment_of(kept.at).isoformat(),
        "message": None if kept is None else kept.message,
    }


def tell_held_back() -> None:
    """Tell what silences that are over held back, by the notifiers of the configuration. It queues the messages, and waits for none.

    Without a configured notifier it does nothing: the next run of the label tells it, by handlers of its own.
    """
    if not look().silences:
        return
    labels = due_labels()
    handlers = default_handlers(configuration()) if labels else ()
    if handlers:
        subjects = [Subject(Command(label), handlers, run_id(), label, shows_run_id=False) for label in labels]
        Announcer(DeliveryLog(current_of_runs()), CLOCK, facts()).tell_left(subjects)
