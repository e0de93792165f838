"""``tocsin runs --textfile FILE``: writes the metrics of runs for the textfile collector of node_exporter.

The file is written beside its place and then renamed, so that a reader sees the old one or the new one, each whole. node_exporter runs
as another user, so everybody may read it.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from tocsin.cli.terminal import complain
from tocsin.core.absence import absence
from tocsin.core.run_metrics import LabelMetrics, run_exposition
from tocsin.shell.adapters.clock import CLOCK
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.journal import HistoryError
from tocsin.shell.history.store import HistoryStore


def write_textfile(path: Path) -> int:
    """Write the metrics to a file and return the exit status."""
    try:
        text = _metrics()
        _replace(path, text)
    except HistoryError as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(f"--textfile {path}: {error.strerror}: name a file in a folder that you may write to")
        return 2
    return 0


def _metrics() -> str:
    now = CLOCK.now()
    contents = ExpectationStore.usual().contents(now)
    for problem in contents.problems:
        complain(problem)
    runs = [
        LabelMetrics(run.label, run.ended.timestamp(), run.duration.total_seconds(), run.failed, run.status, last_success)
        for run, last_success in HistoryStore.usual().last_of_each()
    ]
    return run_exposition(runs, {each.expected.label: absence(each.expected, each.seen, now) is not None for each in contents.stored})


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole. Its name while it is written does not end in ``.prom``, so that node_exporter leaves it alone."""
    file, name = mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
