"""A flow out of a Python file, or the one line that says why there is none.

The file is executed as a module of its own, with its folder on ``sys.path``, as Python does it with a script; only the block under
``if __name__ == "__main__"`` is not run. The module keeps the file's name where no other has it, so that what is defined in it
pickles.
"""

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import ModuleType

import attrs

from tocsin.core.messages.text import describe
from tocsin.flows.flow import Flow


@attrs.frozen
class Unusable:
    """Why there is no flow to run; ``error`` is what the file raised, where it did."""

    reason: str
    error: BaseException | None = None


@contextmanager
def loaded(target: str) -> Generator[Flow | Unusable, None, None]:
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


def _executed(module: ModuleType, path: Path) -> Unusable | None:
    file = str(path.absolute())
    module.__file__ = file
    try:
        source = path.read_bytes()
    except OSError as error:
        return Unusable(f"{path}: {error.strerror}")
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(module))  # noqa: S102 - to run it is what was asked
    except (Exception, SystemExit) as error:
        return Unusable(_told(error, path, file), error)
    return None


def _told(error: BaseException, path: Path, file: str) -> str:
    """The error, and the line of the file that led to it."""
    if isinstance(error, SyntaxError) and error.filename == file and error.lineno:
        return f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return f"{path}, line {lines[-1]}: {describe(error)}" if lines else f"{path}: {describe(error)}"


def _chosen(module: ModuleType, path: Path, name: str) -> Flow | Unusable:
    flows = {known: value for known, value in vars(module).items() if isinstance(value, Flow)}
    if name:
        return flows.get(name) or Unusable(f"{path} holds no flow called {name!r}{_instead(module, name)}: {_there(flows)}")
    if len({id(flow) for flow in flows.values()}) > 1:
        return Unusable(f"{path} holds {len(flows)} flows ({', '.join(flows)}): write `tocsin run {path}:{next(iter(flows))}`")
    return next(iter(flows.values()), Unusable(f"{path} holds no flow: {_there(flows)}"))


def _instead(module: ModuleType, name: str) -> str:
    return f", but an object of type {type(vars(module)[name]).__name__}" if name in vars(module) else ""


def _there(flows: dict[str, Flow]) -> str:
    return (
        f"the flows in it are {', '.join(flows)}"
        if flows
        else "give one a name at the top level, `with Flow(...) as flow:` (one made in a function is not seen)"
    )
