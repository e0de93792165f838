"""``tocsin exec``, from the command-line arguments to the exit status.

Nothing slow is imported before the command starts. After that, any error of tocsin's own still leaves the command to be waited for, and
its exit status is tocsin's.
"""

from __future__ import annotations

import os
import sys
import time

from tocsin.cli.stderr import complain, drop_broken_stderr

TYPE_CHECKING = False

if TYPE_CHECKING:
    from tocsin.cli.exec.context import ExecContext
    from tocsin.cli.exec.notifier_protocol import MakeNotifier
    from tocsin.cli.exec.options import Options
    from tocsin.shell.history.run_locks import RunLock

MISUSED = 125
LOCKED = 75
"""The exit status if ``--lock`` finds another run: EX_TEMPFAIL of sysexits.h, try again later."""


def main(arguments: list[str], make: MakeNotifier | None = None) -> int:
    """Run ``tocsin exec`` with these arguments and return the exit status. ``make`` replaces the default notifier."""
    try:
        return _dispatch(arguments, make)
    finally:
        drop_broken_stderr()


def _dispatch(arguments: list[str], make: MakeNotifier | None) -> int:
    if sys.platform == "win32":
        complain("exec runs only on POSIX systems, not on Windows")
        return MISUSED
    from tocsin.cli.exec.options import UsageError, parse_arguments, parser

    try:
        options = parse_arguments(arguments)
    except UsageError as error:
        complain(str(error))
        return MISUSED
    if options is None:
        from tocsin.cli.stdout import write

        write(parser().format_help())
        return 0
    return run(options, make)


def run(options: Options, make: MakeNotifier | None) -> int:
    """Run the command, report how it went, and return the exit status."""
    from tocsin.cli.exec.spawn import reserve_standard_streams, start_leader

    reserve_standard_streams()
    held: RunLock | int | None = _label_lock(options.label) if options.lock else None
    if isinstance(held, int):
        return held
    leader = start_leader(die_with_parent=options.die_with_parent)
    from tocsin.cli.exec.context import ExecContext
    from tocsin.cli.exec.signal_pipe import SignalPipe

    with SignalPipe() as signals:
        run_id, began = os.urandom(8).hex(), (time.time(), time.monotonic())
        lock = _run_lock(run_id, options, began[0])
        try:
            return _supervise(ExecContext(options, signals, run_id, began, leader), make)
        finally:
            for each in (lock, held):
                if each is not None:
                    each.close()


def _supervise(context: ExecContext, make: MakeNotifier | None) -> int:
    try:
        from tocsin.cli.exec.supervisor_loop import supervise_attempts

        return supervise_attempts(context, make)
    except Exception as error:
        complain(f"no notification was sent: {type(error).__name__}: {error}")
    return context.wait_for_exit()


def _label_lock(label: str) -> RunLock | int:
    """Return the lock of ``--lock``; or the exit status if another run has it, or if there can be none, which is one line."""
    from tocsin.shell.history.run_locks import LabelLocked, lock_label

    try:
        return lock_label(label)
    except LabelLocked as locked:
        complain(f"{label!r} is running already{locked}: it is not started again")
        return LOCKED
    except OSError as error:
        complain(f"--lock cannot lock {label!r}, so it is not started: {error.strerror}; set TOCSIN_STATE_DIR to another folder")
        return MISUSED


def _run_lock(run_id: str, options: Options, began: float) -> RunLock | None:
    try:
        from tocsin.shell.history.run_locks import open_run

        return open_run(run_id, options.label, began, _limit(options))
    except Exception as error:
        complain(f"this run is not in the history: {type(error).__name__}: {error}")
        return None


def _limit(options: Options) -> float | None:
    """Return how many seconds the run may take with all its attempts; None for no limit."""
    if options.timeout is None:
        return None
    return (options.timeout + options.kill_after + options.retry_delay) * (options.retries + 1)
