"""A flow out of a Python file, or the one line that says why there is none.

The file is executed as a module of its own, with its folder on ``sys.path``, as Python does it with a script; only the block under
``if __name__ == "__main__"`` is not run. The module keeps the file's name where no other has it, so that what is defined in it
pickles.

What ``--notify`` chooses: the means by which a run's notifications are executed.

``tocsin run``: one flow from a file, and the exit status that says how it went.

The flow is run to its end, whoever reads the output. A dry run makes notifications dry, not tasks: they do their work.

SIGTERM ends it in order: it is announced as aborted, and what is queued is sent as at any exit.
"""

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import attrs
from returns.io import IOResult

from tocsin.cli.report_view import as_json, as_table, task_rows
from tocsin.cli.signals import TERMINATED, Stopped, terminable
from tocsin.cli.terminal import complain, console, note, plain_text, report_error, say, stderr_is_closed, write
from tocsin.core.effects import Effect
from tocsin.core.messages.content import error_of
from tocsin.core.messages.text import describe
from tocsin.core.outcomes import DeliveryError, Receipt, Shown, received
from tocsin.flows.flow import Flow
from tocsin.flows.report import Report
from tocsin.shell.current import interpreting
from tocsin.shell.environment import override
from tocsin.shell.interpreters.base import Interpreter, Notify
from tocsin.shell.interpreters.dry_run import DryRun, Silent
from tocsin.shell.interpreters.reliable import reliable


@attrs.frozen
class FlowFileError:
    """Why there is no flow to run; ``error`` is what the file raised, where it did."""

    reason: str
    error: BaseException | None = None


@contextmanager
def load_flow(target: str) -> Generator[Flow | FlowFileError, None, None]:
    """The flow that ``FILE`` or ``FILE:NAME`` means; inside, the file's neighbours can be imported."""
    path, name = _parts(target)
    module = ModuleType(_fresh(path.stem))
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module
    try:
        yield _executed(module, path) or _chosen(module, path, name)
    finally:
        with suppress(ValueError):  # the file may have done so itself
            sys.path.remove(folder)
        sys.modules.pop(module.__name__, None)


def _parts(target: str) -> tuple[Path, str]:
    """The file and the name; a file whose own name holds a colon is itself."""
    file, colon, name = target.rpartition(":")
    return (Path(file), name) if colon and not Path(target).exists() else (Path(target), "")


def _fresh(stem: str) -> str:
    names = (stem if n == 1 else f"{stem}_{n}" for n in count(1))
    return next(name for name in names if name not in sys.modules)


def _executed(module: ModuleType, path: Path) -> FlowFileError | None:
    file = str(path.absolute())
    module.__file__ = file
    try:
        source = path.read_bytes()
    except OSError as error:
        return FlowFileError(f"{path}: {error.strerror}")
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(module))  # noqa: S102 - to run it is what was asked
    except (Exception, SystemExit) as error:
        return FlowFileError(_told(error, path, file), error)
    return None


def _told(error: BaseException, path: Path, file: str) -> str:
    """The error, and the line of the file that led to it."""
    if isinstance(error, SyntaxError) and error.filename == file and error.lineno:
        return f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f"{path}, line {lines[-1]}: {describe(error)}" if lines else f"{path}: {describe(error)}"


def _chosen(module: ModuleType, path: Path, name: str) -> Flow | FlowFileError:
    flows = {known: value for known, value in vars(module).items() if isinstance(value, Flow)}
    if name:
        return flows.get(name) or FlowFileError(f"{path} holds no flow called {name!r}{_instead(module, name)}: {_there(flows)}")
    if len({id(flow) for flow in flows.values()}) > 1:
        return FlowFileError(f"{path} holds {len(flows)} flows ({', '.join(flows)}): write `tocsin run {path}:{next(iter(flows))}`")
    return next(iter(flows.values()), FlowFileError(f"{path} holds no flow: {_there(flows)}"))


def _instead(module: ModuleType, name: str) -> str:
    return f", but an object of type {type(vars(module)[name]).__name__}" if name in vars(module) else ""


def _there(flows: dict[str, Flow]) -> str:
    return (
        f"the flows in it are {', '.join(flows)}"
        if flows
        else "give one a name at the top level, `with Flow(...) as flow:` (one made in a function is not seen)"
    )


@attrs.frozen
class Printing:
    """A dry run on standard output, whose reader may leave."""

    notify: ClassVar[Notify] = "print"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Print the effect."""
        with stderr_is_closed():
            DryRun()(effect)
        return received(Shown())


def interpreter_for(notify: Notify) -> Interpreter:
    """The interpreter for a choice; what ``TOCSIN_NOTIFY`` asks of a live one comes before ``live``."""
    if notify == "none":
        return Silent()
    return Printing() if "print" in {notify, override()} else reliable()


_PIPED = 10_000  # columns: whoever reads a pipe wants one line a task


@attrs.frozen(kw_only=True)
class RunOptions:
    """What was asked for; see the options of the command."""

    notify: Notify = "live"
    json: bool = False
    fail_on_notify: bool = False
    traceback: bool = False
    explain: bool = False


def run(target: str, wishes: RunOptions) -> int:
    """Run the flow that ``FILE`` or ``FILE:NAME`` means, and report; the exit status."""
    with redirect_stdout(sys.stderr) if wishes.json else nullcontext():
        done = _done(target, wishes)
    if isinstance(done, int):
        return done
    _show(done, wishes)
    return _status(done, wishes)


def _done(target: str, wishes: RunOptions) -> Report | int:
    """The report of the flow, or the exit status where there is none."""
    with terminable() as stopped, interpreting(interpreter_for(wishes.notify)), load_flow(target) as flow:
        if isinstance(flow, Flow):
            return _ran(flow, wishes, stopped)
    if stopped():
        complain("ended by SIGTERM before there was a flow")
        return TERMINATED
    _refuse(flow, wishes)
    return 2


def _ran(flow: Flow, wishes: RunOptions, stopped: Stopped) -> Report | int:
    try:
        return flow.run().wait()
    except SystemExit as error:  # announced as Aborted; its own status is not ours
        if stopped():
            complain(f"the run of {flow.name!r} was ended by SIGTERM")
            return TERMINATED
        complain(f"the flow {flow.name!r} was ended by {describe(error)}")
        if wishes.traceback:
            report_error(error)
        return 1


def _refuse(unusable: FlowFileError, wishes: RunOptions) -> None:
    hidden = unusable.error is not None and not wishes.traceback
    complain(f"{unusable.reason}{' (--traceback shows the rest)' if hidden else ''}")
    if unusable.error is not None and wishes.traceback:
        report_error(unusable.error)


def _show(report: Report, wishes: RunOptions) -> None:
    if wishes.json:
        write(f"{as_json(report)}\n")
    else:
        say(console(_PIPED), as_table(report))
    for row in task_rows(report) if wishes.traceback else ():
        if (error := error_of(row.state)) is not None:
            complain(f"the task {row.name!r} raised:")
            report_error(error)
    if wishes.explain and wishes.json:
        note(f"{report.explain()}\n")
    elif wishes.explain:
        say(console(_PIPED), "", plain_text(report.explain()))


def _status(report: Report, wishes: RunOptions) -> int:
    if not report.state.is_successful():
        return 1
    return 3 if wishes.fail_on_notify and report.failures else 0
