"""``tocsin run``: one flow from a file, and the exit status that says how it went.

The flow is run to its end, whoever reads the output. A dry run makes notifications dry, not tasks: they do their work.

SIGTERM ends it in order: it is announced as aborted, and what is queued is sent as at any exit.
"""

import sys
from contextlib import nullcontext, redirect_stdout

import attrs

from tocsin.cli.interpreters import chosen
from tocsin.cli.load import Unusable, loaded
from tocsin.cli.report_json import as_json
from tocsin.cli.report_table import as_table
from tocsin.cli.rows import rows
from tocsin.cli.stopping import TERMINATED, Stopped, terminable
from tocsin.cli.terminal import aside, complain, console, lament, literally, say, write
from tocsin.core.messages.content import error_of
from tocsin.core.messages.text import describe
from tocsin.flows.flow import Flow
from tocsin.flows.report import Report
from tocsin.shell.ambient import interpreting
from tocsin.shell.interpreters.protocol import Notify

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a task


@attrs.frozen(kw_only=True)
class Wishes:
    """What was asked for; see the options of the command."""

    notify: Notify = "live"
    json: bool = False
    fail_on_notify: bool = False
    traceback: bool = False
    explain: bool = False


def run(target: str, wishes: Wishes) -> int:
    """Run the flow that ``FILE`` or ``FILE:NAME`` means, and report; the exit status."""
    with redirect_stdout(sys.stderr) if wishes.json else nullcontext():
        done = _done(target, wishes)
    if isinstance(done, int):
        return done
    _show(done, wishes)
    return _status(done, wishes)


def _done(target: str, wishes: Wishes) -> Report | int:
    """The report of the flow, or the exit status where there is none."""
    with terminable() as stopped, interpreting(chosen(wishes.notify)), loaded(target) as flow:
        if isinstance(flow, Flow):
            return _ran(flow, wishes, stopped)
    if stopped():
        complain("ended by SIGTERM before there was a flow")
        return TERMINATED
    _refuse(flow, wishes)
    return 2


def _ran(flow: Flow, wishes: Wishes, stopped: Stopped) -> Report | int:
    try:
        return flow.run().wait()
    except SystemExit as error:  # announced as Aborted; its own status is not ours
        if stopped():
            complain(f"the run of {flow.name!r} was ended by SIGTERM")
            return TERMINATED
        complain(f"the flow {flow.name!r} was ended by {describe(error)}")
        if wishes.traceback:
            lament(error)
        return 1


def _refuse(unusable: Unusable, wishes: Wishes) -> None:
    hidden = unusable.error is not None and not wishes.traceback
    complain(f"{unusable.reason}{' (--traceback shows the rest)' if hidden else ''}")
    if unusable.error is not None and wishes.traceback:
        lament(unusable.error)


def _show(report: Report, wishes: Wishes) -> None:
    if wishes.json:
        write(f"{as_json(report)}\n")
    else:
        say(console(_PIPED), as_table(report))
    for row in rows(report) if wishes.traceback else ():
        if (error := error_of(row.state)) is not None:
            complain(f"the task {row.name!r} raised:")
            lament(error)
    if wishes.explain and wishes.json:
        aside(f"{report.explain()}\n")
    elif wishes.explain:
        say(console(_PIPED), "", literally(report.explain()))


def _status(report: Report, wishes: Wishes) -> int:
    if not report.state.is_successful():
        return 1
    return 3 if wishes.fail_on_notify and report.failures else 0
