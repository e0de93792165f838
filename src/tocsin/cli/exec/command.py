"""``tocsin exec``, from the words typed to the exit status.

Up to the start of the command nothing is imported that takes long; after that, whatever goes wrong with us, the command is waited for
and its exit status is ours.
"""

from __future__ import annotations

import os
import sys
import time

from tocsin.cli.exec.stderr import complain, hang_up

TYPE_CHECKING = False

if TYPE_CHECKING:
    from tocsin.cli.exec.context import ExecContext
    from tocsin.cli.exec.notifier_protocol import MakeNotifier
    from tocsin.cli.exec.options import Options
    from tocsin.shell.history.run_locks import RunLock

MISUSED = 125


def main(arguments: list[str], make: MakeNotifier | None = None) -> int:
    """Obey the words behind ``tocsin exec``; the exit status. ``make`` makes what tells people, in place of the usual."""
    try:
        return _obeyed(arguments, make)
    finally:
        hang_up()


def _obeyed(arguments: list[str], make: MakeNotifier | None) -> int:
    if sys.platform == "win32":
        complain("exec needs a POSIX system; Windows is none")
        return MISUSED
    from tocsin.cli.exec.options import UsageError, parse_arguments, parser

    try:
        options = parse_arguments(arguments)
    except UsageError as error:
        complain(str(error))
        return MISUSED
    if options is None:
        parser().print_help()
        return 0
    return run(options, make)


def run(options: Options, make: MakeNotifier | None) -> int:
    """Run the command, and tell how it went; the exit status."""
    from tocsin.cli.exec.context import ExecContext
    from tocsin.cli.exec.signal_pipe import SignalPipe
    from tocsin.cli.exec.spawn import occupy

    occupy()
    with SignalPipe() as listening:
        run_id, began = os.urandom(8).hex(), time.time()
        token = _token(run_id, options.label, began)
        try:
            return _seen_through(ExecContext(options, listening, run_id, began), make)
        finally:
            if token is not None:
                token.close()


def _seen_through(course: ExecContext, make: MakeNotifier | None) -> int:
    try:
        from tocsin.cli.exec.supervisor_loop import supervise_to_the_end

        return supervise_to_the_end(course, make)
    except Exception as error:
        complain(f"nobody was told how it went: {type(error).__name__}: {error}")
    return course.waited()


def _token(run_id: str, label: str, began: float) -> RunLock | None:
    try:
        from tocsin.shell.history.run_locks import open_run

        return open_run(run_id, label, began)
    except Exception as error:
        complain(f"this run is not in the journal: {type(error).__name__}: {error}")
        return None
