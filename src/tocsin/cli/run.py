"""``tocsin run``: loads a flow from a Python file, runs it, and reports how it went.

- The file is executed as a module of its own, with its folder on ``sys.path``, as Python does it with a script. The block under
  ``if __name__ == "__main__"`` is not run. The module keeps the file's name if no other module has it, so that what the file defines
  can be pickled.
- The flow runs to its end, also if the reader of the output leaves. A dry run affects notifications, not tasks: tasks do their work.
- SIGTERM ends the flow in order: it is announced as aborted, and queued messages are sent as at any exit.
"""

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import attrs

from tocsin.cli.leaving import leaving_lines, would_leave
from tocsin.cli.previews import Previews, Recorder
from tocsin.cli.report_view import as_json, as_table, task_rows
from tocsin.cli.signals import TERMINATED, Stopped, terminable
from tocsin.cli.stdout import write
from tocsin.cli.terminal import Paragraphs, complain, console, note, report_error, say
from tocsin.core.delivery.leaving import Leaving
from tocsin.core.messages.content import error_of
from tocsin.core.text import describe, is_a, traceback_of, type_name
from tocsin.flows.flow import Flow
from tocsin.flows.report import Report
from tocsin.shell import environment
from tocsin.shell.current import interpreting
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.dry_run import Silent
from tocsin.shell.reliable import reliable


@attrs.frozen
class FlowFileError:
    """Why there is no flow to run. ``error`` is the exception that the file raised, if it did."""

    reason: str
    error: BaseException | None = None


@contextmanager
def load_flow(target: str, command: str = "run") -> Generator[Flow | FlowFileError, None, None]:
    """Load the flow that ``FILE`` or ``FILE:NAME`` names, for this command. Inside, modules in the file's folder can be imported."""
    path, name = _split_target(target)
    module = ModuleType(_unused_name(path.stem))
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[module.__name__] = module
    try:
        yield _execute(module, path) or _choose(module, path, name, command)
    finally:
        with suppress(ValueError):  # the file may have removed it
            sys.path.remove(folder)
        sys.modules.pop(module.__name__, None)


def _split_target(target: str) -> tuple[Path, str]:
    """Split the target into file and name. An existing file whose own name holds a colon is not split."""
    file, colon, name = target.rpartition(":")
    return (Path(file), name) if colon and not Path(target).exists() else (Path(target), "")


def _unused_name(stem: str) -> str:
    names = (stem if n == 1 else f"{stem}_{n}" for n in count(1))
    return next(name for name in names if name not in sys.modules)


def _execute(module: ModuleType, path: Path) -> FlowFileError | None:
    file = str(path.absolute())
    module.__file__ = file
    try:
        source = path.read_bytes()
    except OSError as error:
        return FlowFileError(f"{path}: {error.strerror}")
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(module))  # noqa: S102 - running the file is the purpose of the command
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return FlowFileError(_error_line(error, path, file), error)
    return None


def _is_of_python(error: BaseException) -> TypeGuard[SyntaxError]:
    """Return whether Python itself makes such syntax errors: one of a user's class may raise where it is asked for its line."""
    return any(type(error) is kind for kind in (SyntaxError, IndentationError, TabError))


def _error_line(error: BaseException, path: Path, file: str) -> str:
    """Describe the error with the line of the file that led to it."""
    if _is_of_python(error) and error.filename == file and error.lineno:
        return f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [line for frame, line in traceback.walk_tb(traceback_of(error)) if frame.f_code.co_filename == file]
    return f"{path}, line {lines[-1]}: {describe(error)}" if lines else f"{path}: {describe(error)}"


def _choose(module: ModuleType, path: Path, name: str, command: str) -> Flow | FlowFileError:
    flows = {known: value for known, value in vars(module).items() if is_a(value, Flow)}  # a proxy may raise where isinstance asks it
    if name:
        return flows.get(name) or FlowFileError(f"{path} holds no flow called {name!r}{_not_a_flow(module, name)}: {_available(flows)}")
    if len({id(flow) for flow in flows.values()}) > 1:
        first = next(iter(flows))
        return FlowFileError(f"{path} holds {len(flows)} flows ({', '.join(flows)}): write `tocsin {command} {path}:{first}`")
    return next(iter(flows.values()), FlowFileError(f"{path} holds no flow: {_available(flows)}"))


def _not_a_flow(module: ModuleType, name: str) -> str:
    return f", but an object of type {type_name(vars(module)[name])}" if name in vars(module) else ""


def _available(flows: dict[str, Flow]) -> str:
    return (
        f"the flows in it are {', '.join(flows)}"
        if flows
        else "give one a name at the top level, `with Flow(...) as flow:` (one made in a function is not seen)"
    )


@attrs.frozen(kw_only=True)
class RunOptions:
    """The options of ``tocsin run``."""

    notify: Notify = "live"
    json: bool = False
    verbose: bool = False
    fail_on_notify: bool = False
    traceback: bool = False
    explain: bool = False


def interpreter_for(options: RunOptions) -> Interpreter:
    """Return the interpreter for ``--notify``. ``TOCSIN_NOTIFY`` overrides ``live``."""
    if options.notify == "none":
        return Silent()
    if "print" not in {options.notify, environment.override()}:
        return reliable()
    return Recorder() if options.json else Previews(whole=options.verbose)  # the one JSON object of the report has each message


def run(target: str, options: RunOptions) -> int:
    """Run the flow that ``FILE`` or ``FILE:NAME`` names, print the report, and return the exit status."""
    interpreter = interpreter_for(options)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        result = _load_and_run(target, options, interpreter)
    if isinstance(result, int):
        return result
    summary = would_leave(interpreter.kept, interpreter.clock.now()) if isinstance(interpreter, Recorder) else None
    _show(result, options, summary)
    return _status(result, options)


def _load_and_run(target: str, options: RunOptions, interpreter: Interpreter) -> Report | int:
    """Return the report of the flow, or the exit status if there is none."""
    with terminable() as stopped, interpreting(interpreter), load_flow(target) as flow:
        if isinstance(flow, Flow):
            return _run_flow(flow, options, stopped)
    if stopped():
        complain("ended by SIGTERM before the flow was loaded")
        return TERMINATED
    report_load_error(flow, traceback=options.traceback)
    return 2


def _run_flow(flow: Flow, options: RunOptions, stopped: Stopped) -> Report | int:
    try:
        return flow.run().wait()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # announced as Aborted; the status of a SystemExit is not passed on
        if stopped():
            complain(f"the run of {flow.name!r} was ended by SIGTERM")
            return TERMINATED
        complain(f"the flow {flow.name!r} was ended by {describe(error)}")
        if options.traceback:
            report_error(error)
        return 1


def report_load_error(problem: FlowFileError, *, traceback: bool) -> None:
    """Print why there is no flow, in one line; with ``traceback``, also where the file raised its error."""
    hidden = problem.error is not None and not traceback
    complain(f"{problem.reason}{' (--traceback shows the rest)' if hidden else ''}")
    if problem.error is not None and traceback:
        report_error(problem.error)


def _show(report: Report, options: RunOptions, summary: Leaving | None) -> None:
    if options.json:
        write(f"{as_json(report, summary)}\n")
    else:
        left = () if summary is None else (Paragraphs(leaving_lines(summary), "dim"),)
        say(console(), as_table(report), *left)
    for row in task_rows(report) if options.traceback else ():
        if (error := error_of(row.state)) is not None:
            complain(f"the task {row.name!r} raised:")
            report_error(error)
    if options.explain and options.json:
        note(f"{report.explain()}\n")
    elif options.explain:
        say(console(), "", Paragraphs(report.explain().split("\n")))


def _status(report: Report, options: RunOptions) -> int:
    if not report.state.is_successful():
        return 1
    return 3 if options.fail_on_notify and report.failures else 0
