"""Which runs ``tocsin runs`` is asked for, and what is known of them: by the history, the locks of open runs, and what is expected."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from tocsin.cli.terminal import complain
from tocsin.core.outcomes import Told
from tocsin.core.silences import Silence
from tocsin.shell.absence import Overdue, overdue
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.journal import KEPT_IN_ALL, HistoryError
from tocsin.shell.history.run_locks import KilledRun, killed_runs, line, open_runs
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.silences import silences
from tocsin.shell.history.store import HistoryStore

SHOWN = 20  # runs, if no limit is given
UNUSABLE = 2
"""The exit status if an argument or the history cannot be used."""


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

    @property
    def shows_runs(self) -> bool:
        """Whether to show single runs rather than labels."""
        return self.single or self.only_open or self.label is not None


@attrs.frozen
class Known:
    """What the history knows: the ended runs, newest first; killed and open ones; what is overdue; the rest by run or label."""

    ended: tuple[RunRecord, ...]
    killed: tuple[KilledRun, ...]
    running: tuple[KilledRun, ...]
    late: tuple[Overdue, ...]
    told: Mapping[str, Told]
    silences: tuple[Silence, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is no run to show."""
        return not (self.ended or self.killed or self.running or self.late)


def look_up(options: RunsOptions, since: datetime | None) -> Known:
    """Return what is known of the runs that are asked for and ended since then, or of the labels.

    Raises:
        HistoryError: the history cannot be read.
    """
    store, single = HistoryStore.usual(), options.shows_runs
    given = options.limit or (SHOWN if single else KEPT_IN_ALL)
    filtered = since is not None or options.failed or not single
    found = () if options.only_open else store.history(options.label, KEPT_IN_ALL if filtered else min(given, KEPT_IN_ALL))
    ended = tuple(run for run in found if since is None or run.ended >= since)
    if single:
        ended = tuple(run for run in ended if run.failed or not options.failed)[:given]
    told: Mapping[str, Told] = {} if options.only_open else store.told()
    running = () if options.failed else open_runs(options.label)
    late = () if options.only_open else overdue(ExpectationStore.usual(), None if options.label is None else line(options.label))
    return Known(ended, killed_runs(options.label), running, late, told, () if single else _silences())


def _silences() -> tuple[Silence, ...]:
    try:
        return silences(time.time())
    except HistoryError as error:  # the runs are in another file
        complain(str(error))
        return ()


def moment(run: KilledRun) -> datetime:
    """Return when a run that has not ended began."""
    return datetime.fromtimestamp(run.started, UTC)
