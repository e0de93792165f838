"""A notifier that is loaded only once there is something to tell. A run that has nothing to tell is recorded without it.

- Nothing is decided here: ``core.command_end`` says what an end means and whether people are told of it.
- A run may do without as long as nothing but its states can be told: no file of a configuration, no setting, no option and no run
  before it asks for more. What is not known for sure counts as more.
- What such a run leaves in the history is what any other run leaves there.
"""

from __future__ import annotations

import os
import sys

from tocsin.core.command_end import is_told, kind_of_end
from tocsin.core.version import VERSION
from tocsin.shell.history.paths import has_expectations, has_folder, has_silences, state_folder
from tocsin.shell.history.run_locks import keep_end, killed_runs, line

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.cli.exec.notifier_protocol import ExecNotifier, OpenRun
    from tocsin.cli.exec.options import Options
    from tocsin.core.supervisor import Ended

_HARMLESS = frozenset({"TOCSIN_STATE_DIR", "TOCSIN_ENV"})  # settings that ask for no message
_CONFIGURATION = ("tocsin.toml", "secrets.toml")


class DeferredNotifier:
    """Passes the calls on to a notifier, which it makes only if there is something to tell; see ``notifier_protocol.ExecNotifier``."""

    def __init__(self, options: Options, run: OpenRun, make: Callable[[], ExecNotifier]) -> None:
        self._options = options
        self._run = run
        self._make = make
        self._notifier = None if may_defer(options) else make()
        self._has_started = False

    def started(self) -> None:
        """Handle the start of an attempt."""
        if self._notifier is None and is_told("Running", self._options.only, self._options.ignore):
            self._notifier = self._make()
        self._has_started = True
        if self._notifier is not None:
            self._notifier.started()

    def ended(self, ended: Ended) -> float | None:
        """Handle the end of an attempt, and return what ``ExecNotifier`` says."""
        if self._notifier is None and self._ends_untold(ended) and record(self._run, ended):
            return None
        return self._telling().ended(ended)

    def still_running(self, seconds: float, tail: bytes) -> None:
        """Handle that the attempt still runs."""
        self._telling().still_running(seconds, tail)

    def close(self) -> None:
        """End the notifications."""
        if self._notifier is not None:
            self._notifier.close()

    def _ends_untold(self, ended: Ended) -> bool:
        """Return whether nothing is told of this end. A file may have come meanwhile, so all is looked at again."""
        is_fault, is_stopped, expected = ended.fault is not None, ended.stopped_by is not None, self._options.expect
        kind = kind_of_end(ended.status, timed_out=ended.timed_out, is_fault=is_fault, is_stopped=is_stopped, expected=expected)
        is_untold = kind == "Success" and ended.status == 0 and not is_told(kind, self._options.only, self._options.ignore)
        return is_untold and may_defer(self._options)

    def _telling(self) -> ExecNotifier:
        """Return the notifier. One that is made now hears of the start first."""
        if self._notifier is None:
            self._notifier = self._make()
            if self._has_started:
                self._notifier.started()
        return self._notifier


def may_defer(options: Options) -> bool:
    """Return whether nothing but the run's own states can be told, as far as is known without loading anything."""
    asked = (
        options.notify != "live"
        or options.ping is not None
        or options.explain
        or options.on_change
        or options.after is not None
        or options.retries > 0
        or sys.platform != "linux"  # where the files of the configuration are is known for sure
    )
    return not (asked or not _has_recipient() or _is_configured() or has_silences() or has_expectations() or killed_runs(options.label))


def _has_recipient() -> bool:
    """Return whether the environment itself names one. Without it, the files of secrets must be read."""
    return bool(os.environ.get("SLACK_WEBHOOK_URL") or (os.environ.get("EMAIL_USERNAME") and os.environ.get("EMAIL_PASSWORD")))


def _is_configured() -> bool:
    """Return whether a setting, or a file of the user's or of a project, may say more. It errs on the side of more."""
    if any(name.startswith("TOCSIN_") and name not in _HARMLESS for name in os.environ):
        return True
    home = os.environ.get("HOME", "")
    base = os.environ.get("XDG_CONFIG_HOME", "") or f"{home}/.config"
    if not home.startswith("/") or not base.startswith("/"):
        return True
    try:
        folder = os.getcwd()  # noqa: PTH109 - pathlib takes long to load
    except OSError:
        return True
    upwards = [folder]
    while (parent := os.path.dirname(upwards[-1])) != upwards[-1]:  # noqa: PTH120 - as above
        upwards.append(parent)
    places = [*(f"{base}/tocsin/{name}" for name in _CONFIGURATION), *(f"{each}/{_CONFIGURATION[0]}" for each in upwards)]
    return any(os.path.lexists(place) for place in places)


def record(run: OpenRun, ended: Ended) -> bool:
    """Record a success in the history, as ``streaks.record_end`` does. Return whether it is recorded, or is not to be."""
    from datetime import UTC, datetime

    from tocsin.shell.history.journal import FILE, HistoryError, add_run, kept_line, set_told, writing

    if not has_folder():
        return True
    at, began = datetime.fromtimestamp(ended.ended, UTC), datetime.fromtimestamp(ended.began, UTC)
    attempt = datetime.fromtimestamp(run.started, UTC).timestamp()
    times = (min(began, at).timestamp(), at.timestamp())
    row = (run.run_id, line(run.label), *times, "Success", False, None, 1, ended.status, VERSION)

    def keep(before: int) -> None:
        keep_end(run.run_id, kept_line((run.run_id, 1, 1, 1, "Success", False, None, times[1], attempt, ended.status, before)))

    try:
        with writing(f"{state_folder()}/{FILE}") as connection:
            add_run(connection, row, keep, counts=True)
            set_told(connection, run.run_id, "unwanted")
    except HistoryError:
        return False  # who tells also says so
    return True
