"""``tocsin runs show``: all of one run."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.text import Text

from tocsin.cli.runs.as_json import ended_json, open_json
from tocsin.cli.runs.query import SHOWN, UNUSABLE, moment
from tocsin.cli.runs.table import KILLED, TOLD, color_of, grid
from tocsin.cli.stdout import write
from tocsin.cli.terminal import color_style, complain, console, json_line, own_text, plain_text, say
from tocsin.core.outcomes import Told
from tocsin.core.states import Aborted, Running
from tocsin.core.text import one_line, quote, span
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.run_locks import KilledRun, killed_runs, open_runs
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore


def show_run(run_id: str, *, as_json: bool) -> int:
    """Show all of one run, by its id or the beginning of it. Return the exit status: 1 if no run, or no single one, has it."""
    try:
        store = HistoryStore.usual()
        ended, told = store.find(run_id, SHOWN) if run_id else (), store.told()
    except HistoryError as error:
        complain(str(error))
        return UNUSABLE
    found: list[RunRecord | KilledRun] = [*ended]
    killed, running = killed_runs(), open_runs()
    found += [run for run in (*killed, *running) if run_id and run.run_id.startswith(run_id) and run.run_id not in _ids(ended)]
    exact = [run for run in found if run.run_id == run_id] or found
    if len(exact) != 1:
        ids = ", ".join(one_line(run.run_id) for run in exact[:3])
        several = (
            f"several runs have an id that begins with {quote(run_id)}: write more of it ({ids}{', ...' if len(exact) > 3 else ''})"
        )
        complain(several if exact else f"there is no run {quote(run_id)} in the history: tocsin runs --all shows the ids")
        return 1
    (run,) = exact
    if as_json:
        whole = {**ended_json(run), "told": told.get(run.run_id)} if isinstance(run, RunRecord) else open_json(run)
        write(f"{json_line(whole)}\n")
    else:
        facts = _ended_facts(run, told.get(run.run_id)) if isinstance(run, RunRecord) else _open_facts(run, killed=run in killed)
        say(console(), grid((plain_text(name, "dim"), text) for name, text in facts))
    return 0


def _ids(found: Iterable[RunRecord]) -> frozenset[str]:
    return frozenset(run.run_id for run in found)


def _ended_facts(run: RunRecord, told: Told | None) -> Iterator[tuple[str, Text]]:
    yield "run", own_text(one_line(run.run_id))
    yield "label", own_text(one_line(run.label))
    yield "state", own_text(f"● {one_line(run.kind)}", color_style(color_of(run)))
    if run.message:
        yield "message", plain_text(one_line(run.message))
    yield "started", plain_text(_exact(run.started))
    yield "ended", plain_text(_exact(run.ended))
    yield "took", plain_text(span(run.duration))
    yield "attempts", plain_text(f"{run.attempts}")
    if run.status is not None:
        yield "exit status", plain_text(f"{run.status}")
    yield "told", plain_text(TOLD[told][1])


def _open_facts(run: KilledRun, *, killed: bool) -> Iterator[tuple[str, Text]]:
    yield "run", own_text(one_line(run.run_id))
    yield "label", own_text(one_line(run.label))
    yield "state", own_text("● Killed", color_style(Aborted.color)) if killed else own_text("● Running", color_style(Running.color))
    yield "started", plain_text(_exact(moment(run)))
    yield "process", plain_text(f"{run.pid}")
    if killed:
        yield "told", plain_text(f"not yet: {KILLED}")


def _exact(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
