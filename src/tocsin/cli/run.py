"""``tocsin run``: one flow from a file, and the exit status that says how it went.

The flow is always run to its end, whoever reads the output. A dry run makes notifications dry, not tasks: they do their work.
"""

import sys
from contextlib import nullcontext, redirect_stdout
from typing import ClassVar

import attrs
from returns.io import IOResult

from tocsin.cli.load import Unusable, loaded
from tocsin.cli.report_json import as_json
from tocsin.cli.report_table import as_table
from tocsin.cli.terminal import complain, console, lament, literally, say, still_read, write
from tocsin.core.effects import Effect
from tocsin.core.messages.content import error_of
from tocsin.core.messages.text import describe
from tocsin.core.outcomes import DeliveryError, Receipt, Shown, Withheld, received
from tocsin.flows.flow import Flow
from tocsin.flows.report import Report
from tocsin.shell.ambient import interpreting
from tocsin.shell.interpreters.dry_run import DryRun
from tocsin.shell.interpreters.live import Live
from tocsin.shell.interpreters.protocol import Interpreter, Notify

_PIPED = 10_000  # columns; whoever reads a pipe wants one line a task


@attrs.frozen
class Wishes:
    """What was asked for; see the options of the command."""

    notify: Notify = "live"
    as_json: bool = False
    fail_on_notify: bool = False
    traceback: bool = False
    explain: bool = False


@attrs.frozen
class Printing:
    """A dry run on standard output, whose reader may leave."""

    notify: ClassVar[Notify] = "print"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Print the effect."""
        with still_read():
            return DryRun()(effect)
        return received(Shown())


@attrs.frozen
class Silent:
    """Does nothing with effects, and says so."""

    notify: ClassVar[Notify] = "none"

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Withhold the effect."""
        return received(Withheld("--notify=none says so"))


def run(target: str, wishes: Wishes) -> int:
    """Run the flow that ``FILE`` or ``FILE:NAME`` means, and report; the exit status."""
    with redirect_stdout(sys.stderr) if wishes.as_json else nullcontext():
        done = _done(target, wishes)
    if isinstance(done, int):
        return done
    _report(done, wishes)
    return _status(done, wishes)


def _done(target: str, wishes: Wishes) -> Report | int:
    """The report of the flow, or the exit status where there is none."""
    with interpreting(_interpreter(wishes.notify)), loaded(target) as flow:
        if isinstance(flow, Flow):
            return _ran(flow, wishes)
        _refuse(flow, wishes)
        return 2


def _ran(flow: Flow, wishes: Wishes) -> Report | int:
    try:
        return flow.run()
    except SystemExit as error:
        complain(f"the flow {flow.name!r} was ended by {describe(error)}")
        if wishes.traceback:
            lament(error)
        return 1


def _refuse(unusable: Unusable, wishes: Wishes) -> None:
    if unusable.error is None:
        complain(unusable.reason)
    elif wishes.traceback:
        complain(unusable.reason)
        lament(unusable.error)
    else:
        complain(f"{unusable.reason} (--traceback shows the rest)")


def _interpreter(notify: Notify) -> Interpreter:
    return Live() if notify == "live" else Printing() if notify == "print" else Silent()


def _report(report: Report, wishes: Wishes) -> None:
    if wishes.as_json:
        write(f"{as_json(report)}\n")
    else:
        ...
