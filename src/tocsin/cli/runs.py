"""``tocsin runs``: how the runs of each label ended, one label a row; or single runs, the newest last; or all of one run."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.expect import overdue_json
from tocsin.cli.stdout import write
from tocsin.cli.terminal import color_style, complain, console, json_line, own_text, plain_text, say
from tocsin.core.changes import Streak
from tocsin.core.outbox.model import moment_of
from tocsin.core.outbox.status import parse_age
from tocsin.core.outcomes import Told
from tocsin.core.silences import Silence, silence_over
from tocsin.core.states import KINDS, Aborted, Failed, Running, State, Success, TriggerFailed
from tocsin.core.text import cut, one_line, quote, span
from tocsin.shell.absence import Overdue, overdue
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.run_locks import KilledRun, killed_runs, line, open_runs
from tocsin.shell.history.run_record import HistoryError, RunRecord
from tocsin.shell.history.silences import silences
from tocsin.shell.history.store import KEPT_IN_ALL, HistoryStore

_UNUSABLE = 2
_LONGEST_LABEL = 60  # characters
_SHOWN = 20  # runs, if no limit is given
_COLORS = {kind.__name__: kind.color for kind in KINDS}
_KILLED = "its process was killed; the next start of this label reports it"

_TOLD: Mapping[Told | None, tuple[str, str]] = {
    "told": ("told", "yes: a message about its end was accepted"),
    "queued": ("queued", "not yet known: a message waits to be sent (tocsin outbox list)"),
    "silenced": ("silenced", "no: its label was silent (tocsin silence)"),
    "withheld": ("withheld", "no: its messages were printed or dropped, as --notify or TOCSIN_NOTIFY said"),
    "unknown": ("unknown", "not known: a message may have arrived"),
    "failed": ("not told", "no: no message was accepted"),
    "unwanted": ("unwanted", "no: no notifier has a message about such an end"),
    None: ("-", "not known"),
}
"""Whether anybody was told of a run: in a word for a table, and as a sentence."""


@attrs.frozen(kw_only=True)
class RunsOptions:
    """Which runs to show.

    Args:
        label: only runs with this label; None for all.
        single: whether to show single runs rather than labels. A label, or ``only_open``, means that too.
        failed: only runs that failed, or labels whose last run did.
        since: only what ended since then: an age, a date, or a date and time; None for all that is kept.
        limit: at most this many rows, the newest; None for 20 runs, or all labels.
        only_open: only runs that have not ended.
        as_json: one JSON object.
    """

    label: str | None = None
    single: bool = False
    failed: bool = False
    since: str | None = None
    limit: int | None = None
    only_open: bool = False
    as_json: bool = False


@attrs.frozen
class _Known:
    """What the history knows: the ended runs, newest first; killed and open ones; what is overdue; the rest by run or label."""

    ended: tuple[RunRecord, ...]
    killed: tuple[KilledRun, ...]
    running: tuple[KilledRun, ...]
    late: tuple[Overdue, ...]
    told: Mapping[str, Told]
    silences: tuple[Silence, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.ended or self.killed or self.running or self.late)


def runs(options: RunsOptions) -> int:
    """Show labels or runs, and return the exit status: 2 if an argument or the history cannot be used."""
    since = None if options.since is None else _since(options.since, datetime.now(UTC))
    if options.since is not None and since is None:
        complain(f"--since takes an age such as 2h or 7d, or a date such as 2026-01-31, not {quote(options.since)}")
        return _UNUSABLE
    try:
        known = _known(options, since)
    except HistoryError as error:
        complain(str(error))
        return _UNUSABLE
    single = options.single or options.only_open or options.label is not None
    if options.as_json:
        write(f"{_runs_json(known) if single else _labels_json(known, options)}\n")
    elif known.is_empty or not (single or _chosen(known, options)):
        say(console(), plain_text(_nothing(options)))
    else:
        say(console(), _table(_run_rows(known) if single else _label_rows(known, options)))
    return 0


def _known(options: RunsOptions, since: datetime | None) -> _Known:
    store, single = HistoryStore.usual(), options.single or options.only_open or options.label is not None
    given = options.limit or (_SHOWN if single else KEPT_IN_ALL)
    filtered = since is not None or options.failed or not single
    found = () if options.only_open else store.history(options.label, KEPT_IN_ALL if filtered else min(given, KEPT_IN_ALL))
    ended = tuple(run for run in found if since is None or run.ended >= since)
    if single:
        ended = tuple(run for run in ended if run.failed or not options.failed)[:given]
    told: Mapping[str, Told] = {} if options.only_open else store.told()
    running = () if options.failed else open_runs(options.label)
    late = () if options.only_open else overdue(ExpectationStore.usual(), None if options.label is None else line(options.label))
    return _Known(ended, killed_runs(options.label), running, late, told, () if single else _silences())


def _silences() -> tuple[Silence, ...]:
    try:
        return silences(time.time())
    except HistoryError as error:  # the runs are in another file
        complain(str(error))
        return ()


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


# --- labels -----------------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LabelSummary:
    """How the runs of a label ended.

    Args:
        label: the label.
        last: the last ended run; None if none has ended.
        streak: how many of the last runs ended alike.
        successes: how many runs succeeded.
        ended: how many runs succeeded or failed.
        told: whether anybody was told of the last run; None if that is not known.
        killed: the last run that was killed and that no message has reported yet; None if there is none.
        running: the oldest run that is open; None if there is none.
        late: why it is overdue; None if it is not, or if no run is expected.
        silence: the silence that is in force; None if there is none.
    """

    label: str
    last: RunRecord | None
    streak: Streak
    successes: int
    ended: int
    told: Told | None
    killed: KilledRun | None
    running: KilledRun | None
    late: Overdue | None
    silence: Silence | None

    @property
    def at(self) -> datetime:
        """When its last run ended; the begin of a run that has not; when the first one was due."""
        moments = [_moment(run) for run in (self.killed, self.running) if run is not None]
        if self.late is not None:
            moments.append(self.late.absence.due)
        return moments[0] if self.last is None else self.last.ended

    @property
    def is_failed(self) -> bool:
        """Whether the last run failed, was killed, or did not start."""
        return self.killed is not None or self.late is not None or (self.last is not None and self.last.failed is True)


def summaries(ended: Iterable[RunRecord], known: _Known, now: float) -> tuple[LabelSummary, ...]:
    """Summarize runs, newest first, by label. The label that ended last comes last."""
    by_label: dict[str, list[RunRecord]] = {}
    for run in ended:
        by_label.setdefault(run.label, []).append(run)
    unended = [*(run.label for run in (*known.killed, *known.running)), *(late.label for late in known.late)]
    labels = dict.fromkeys([*by_label, *unended])
    found = [_summary(label, by_label.get(label, []), known, now) for label in labels]
    return tuple(sorted(found, key=lambda each: each.at))


def _summary(label: str, ended: Sequence[RunRecord], known: _Known, now: float) -> LabelSummary:
    decided = [run.failed for run in ended if run.failed is not None]
    last = ended[0] if ended else None
    return LabelSummary(
        label=label,
        last=last,
        streak=_streak(decided),
        successes=decided.count(False),
        ended=len(decided),
        told=None if last is None else known.told.get(last.run_id),
        killed=next((run for run in reversed(known.killed) if run.label == label), None),
        running=next((run for run in known.running if run.label == label), None),
        late=next((each for each in known.late if each.label == label), None),
        silence=silence_over(known.silences, label, now),
    )


def _streak(failed: Sequence[bool]) -> Streak:
    """Return the streak of runs that ended so, newest first."""
    if not failed:
        return Streak()
    return Streak(failed[0], next((at for at, each in enumerate(failed) if each is not failed[0]), len(failed)))


_HEADER = ("LABEL", "STATE", "ENDED", "STREAK", "SUCCESS", "TOLD", "")


def _label_rows(known: _Known, options: RunsOptions) -> Iterator[Iterable[Text]]:
    yield (plain_text(title, "dim") for title in _HEADER)
    for each in _chosen(known, options):
        yield _label_cells(each)


def _chosen(known: _Known, options: RunsOptions) -> tuple[LabelSummary, ...]:
    found = [each for each in summaries(known.ended, known, time.time()) if each.is_failed or not options.failed]
    return tuple(found if options.limit is None else found[-options.limit :])


def _label_cells(each: LabelSummary) -> Iterator[Text]:
    last, streak = each.last, each.streak
    noun = ("failure" if streak.failed else "success") + ("" if streak.length == 1 else "s" if streak.failed else "es")
    yield own_text(cut(one_line(each.label), _LONGEST_LABEL))
    if each.killed is not None:
        yield own_text("● Killed", color_style(Aborted.color))
    elif last is not None:
        yield own_text(f"● {one_line(last.kind)}", color_style(_color(last)))
    elif each.running is not None:
        yield own_text("● Running", color_style(Running.color))
    else:
        yield own_text("● Overdue", color_style(TriggerFailed.color))
    yield plain_text("" if last is None else _local(last.ended))
    yield plain_text(f"{streak.length:,} {noun}" if streak.length else "")
    yield plain_text(f"{100 * each.successes // each.ended} % of {each.ended:,}" if each.ended else "")
    yield plain_text(_TOLD[each.told][0])
    yield plain_text(one_line("; ".join(_notes(each))))


def _notes(each: LabelSummary) -> Iterator[str]:
    if each.killed is not None:
        yield _KILLED
    elif each.last is not None and _ended_text(each.last):
        yield _ended_text(each.last)
    if each.running is not None:
        yield f"running for {span(datetime.now(UTC) - _moment(each.running))}"
    if each.late is not None:
        yield each.late.text
    if each.silence is not None:
        yield f"silent until {_local(moment_of(each.silence.until))}"


def _labels_json(known: _Known, options: RunsOptions) -> str:
    return json_line({"labels": [_label_json(each) for each in _chosen(known, options)]})


def _label_json(each: LabelSummary) -> dict[str, object]:
    last = each.last
    return {
        "label": each.label,
        "last": None if last is None else {**_ended_json(last), "told": each.told},
        "failing": each.is_failed,
        "streak": {"failed": each.streak.failed, "length": each.streak.length},
        "success_rate": each.successes / each.ended if each.ended else None,
        "runs": each.ended,
        "killed": None if each.killed is None else _open_json(each.killed),
        "running": None if each.running is None else _open_json(each.running),
        "overdue": None if each.late is None else overdue_json(each.late),
        "silent_until": None if each.silence is None else moment_of(each.silence.until).isoformat(),
    }


# --- runs -------------------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _RunLine:
    """A run as a line of the table."""

    run_id: str
    label: str
    kind: str
    color: str
    took: str = ""
    at: datetime
    told: str = ""
    text: str

    def cells(self) -> Iterator[Text]:
        yield own_text(one_line(self.run_id))
        yield own_text(cut(one_line(self.label), _LONGEST_LABEL))
        yield own_text(f"● {one_line(self.kind)}", color_style(self.color))
        yield plain_text(self.took)
        yield plain_text(_local(self.at))
        yield plain_text(self.told)
        yield plain_text(one_line(self.text))


def _run_rows(known: _Known) -> Iterator[Iterable[Text]]:
    now = datetime.now(UTC)
    for run in reversed(known.ended):
        yield _ended_line(run, known.told.get(run.run_id)).cells()
    for killed in known.killed:
        yield _open_line(killed, "Killed", Aborted.color, text=_KILLED).cells()
    for running in known.running:
        whole = _open_line(running, "Running", Running.color, text=f"process {running.pid}")
        yield attrs.evolve(whole, took=span(now - _moment(running))).cells()
    for late in known.late:
        at, color = late.absence.due, TriggerFailed.color
        yield _RunLine(run_id="", label=late.label, kind="Overdue", color=color, at=at, text=late.text).cells()


def _ended_line(run: RunRecord, told: Told | None) -> _RunLine:
    took, text, word = span(run.duration), _ended_text(run), _TOLD[told][0]
    return _RunLine(run_id=run.run_id, label=run.label, kind=run.kind, color=_color(run), took=took, at=run.ended, told=word, text=text)


def _open_line(run: KilledRun, kind: str, color: str, *, text: str) -> _RunLine:
    return _RunLine(run_id=run.run_id, label=run.label, kind=kind, color=color, at=_moment(run), text=text)


def _table(rows: Iterable[Iterable[Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _ended_text(run: RunRecord) -> str:
    attempts = f"; after {run.attempts} attempts" if run.attempts > 1 else ""
    return f"{run.message or ''}{attempts}".removeprefix("; ")


def _color(run: RunRecord) -> str:
    return _COLORS.get(run.kind, _fallback_kind(run.failed).color)


def _fallback_kind(failed: bool | None) -> type[State]:  # noqa: FBT001 - None is one of three answers
    """Return the built-in kind whose colour a user-defined kind gets."""
    return State if failed is None else Failed if failed else Success


def _moment(run: KilledRun) -> datetime:
    return datetime.fromtimestamp(run.started, UTC)


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _runs_json(known: _Known) -> str:
    """Return one JSON object on one line, in ASCII. Times are ISO 8601 with zone, durations are seconds, unknown values are null."""
    whole = {
        "runs": [{**_ended_json(run), "told": known.told.get(run.run_id)} for run in reversed(known.ended)],
        "killed": [_open_json(run) for run in known.killed],
        "running": [_open_json(run) for run in known.running],
        "overdue": [overdue_json(each) for each in known.late],
    }
    return json_line(whole)


def _ended_json(run: RunRecord) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "label": run.label,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat(),
        "duration": run.duration / timedelta(seconds=1),
        "state": run.kind,
        "failed": run.failed,
        "message": run.message,
        "attempts": run.attempts,
        "exit_status": run.status,
        "version": run.version,
    }


def _open_json(run: KilledRun) -> dict[str, object]:
    return {"run_id": run.run_id, "label": run.label, "started": _moment(run).isoformat(), "process": run.pid}


# --- one run ----------------------------------------------------------------------------------------------------------------------


def show_run(run_id: str, *, as_json: bool) -> int:
    """Show all of one run, by its id or the beginning of it. Return the exit status: 1 if no run, or no single one, has it."""
    try:
        store = HistoryStore.usual()
        ended, told = store.find(run_id, _SHOWN) if run_id else (), store.told()
    except HistoryError as error:
        complain(str(error))
        return _UNUSABLE
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
        whole = {**_ended_json(run), "told": told.get(run.run_id)} if isinstance(run, RunRecord) else _open_json(run)
        write(f"{json_line(whole)}\n")
    else:
        facts = _ended_facts(run, told.get(run.run_id)) if isinstance(run, RunRecord) else _open_facts(run, killed=run in killed)
        say(console(), _table((plain_text(name, "dim"), text) for name, text in facts))
    return 0


def _ids(found: Iterable[RunRecord]) -> frozenset[str]:
    return frozenset(run.run_id for run in found)


def _ended_facts(run: RunRecord, told: Told | None) -> Iterator[tuple[str, Text]]:
    yield "run", own_text(one_line(run.run_id))
    yield "label", own_text(one_line(run.label))
    yield "state", own_text(f"● {one_line(run.kind)}", color_style(_color(run)))
    if run.message:
        yield "message", plain_text(one_line(run.message))
    yield "started", plain_text(_exact(run.started))
    yield "ended", plain_text(_exact(run.ended))
    yield "took", plain_text(span(run.duration))
    yield "attempts", plain_text(f"{run.attempts}")
    if run.status is not None:
        yield "exit status", plain_text(f"{run.status}")
    yield "told", plain_text(_TOLD[told][1])


def _open_facts(run: KilledRun, *, killed: bool) -> Iterator[tuple[str, Text]]:
    yield "run", own_text(one_line(run.run_id))
    yield "label", own_text(one_line(run.label))
    yield "state", own_text("● Killed", color_style(Aborted.color)) if killed else own_text("● Running", color_style(Running.color))
    yield "started", plain_text(_exact(_moment(run)))
    yield "process", plain_text(f"{run.pid}")
    if killed:
        yield "told", plain_text(f"not yet: {_KILLED}")


def _exact(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
