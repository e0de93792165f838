"""Tests that the public names are exact, documented and light to import."""

import ast
import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from types import ModuleType

import pytest

import tocsin
import tocsin.testing.strategies

STATES = "State Pending Scheduled Paused Resume Retrying MetaState Submitted Queued ClientFailed Running Finished Looped Success Cached"
MORE_STATES = "Mapped Skipped Failed Aborted TimedOut TriggerFailed"
FLOWS = "Task FunctionTask TaskOptions TaskRun Flow Edge Inputs Report task Tracked callback_factory slack_notifier gmail_notifier"
CORE = "transition step Run Step Subject Announcement Ask Change FrozenMap IllegalTransition StateHandler Outcome"
SHELL = "Interpreter Live DryRun Recording Delivery RunReport interpreting reliable flush NotificationFailed SecretNotFound"
NAMED_MODULES = "adapters effects errors events filters handlers interpreters signals triggers"
WATCHING = "watch WatchedRun current_run install_excepthook LoggingHandler say tell DataFrame Figure HasFigure HtmlFigure"
PUBLIC = f"{STATES} {MORE_STATES} {FLOWS} {CORE} {SHELL} {WATCHING} {NAMED_MODULES}".split(" ")
MODULES = [importlib.import_module(f"tocsin.{name}") for name in NAMED_MODULES.split(" ")]
HEAVY = "requests urllib3 smtplib email ssl asyncio typer rich hypothesis keyring platformdirs"


ALONE = """
import os, sys
for name in sys.argv[1].split():
    if not (child := os.fork()):
        import tocsin
        getattr(tocsin, name)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, f"tocsin.{name} cannot be the first name"
"""


def test_the_names_come_from_the_modules_that_type_checkers_are_told() -> None:
    table: dict[str, str] = {}
    for statement in ast.parse(inspect.getsource(importlib.import_module("tocsin._public"))).body:
        if isinstance(statement, ast.ImportFrom):
            table.update((alias.name, str(statement.module)) for alias in statement.names)
        elif isinstance(statement, ast.Import):
            table.update((str(alias.asname), alias.name) for alias in statement.names)
    assert sorted(table) == sorted(tocsin.__all__)
    for name, module in table.items():
        found = importlib.import_module(module)
        assert getattr(tocsin, name) is (found if name in NAMED_MODULES.split(" ") else getattr(found, name))


def test_each_module_with_public_names_can_be_the_first() -> None:
    first = {getattr(thing, "__module__", name): name for name in tocsin.__all__ for thing in [getattr(tocsin, name)]}
    command = [sys.executable, "-I", "-c", ALONE, " ".join(first.values())]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_public_names_are_exact() -> None:
    assert sorted(tocsin.__all__) == sorted(PUBLIC)
    assert len(set(tocsin.__all__)) == len(tocsin.__all__)


@pytest.mark.parametrize(
    "module", [tocsin, tocsin.testing, tocsin.testing.strategies, *MODULES], ids=lambda module: str(module.__name__)
)
def test_each_public_name_is_there_and_documented(module: ModuleType) -> None:
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing) or inspect.ismodule(thing):
            assert inspect.getdoc(thing), f"{module.__name__}.{name} has no docstring"


PUBLIC_CLASSES = {thing for module in (tocsin, *MODULES) for name in module.__all__ if inspect.isclass(thing := getattr(module, name))}


def classes_in(hint: object) -> Iterator[type[object]]:
    """Yield the classes of tocsin in an annotation."""
    for part in (hint, typing.get_origin(hint)):
        if inspect.isclass(part) and part.__module__.startswith("tocsin"):
            yield part
    inner = typing.get_args(hint)
    for each in inner if typing.get_origin(hint) is not typing.Literal else ():
        yield from classes_in(each)
        yield from (found for one in (each if isinstance(each, list) else ()) for found in classes_in(one))


def members(thing: object) -> Iterator[object]:
    """Yield what has annotations: a function, or a class with its public methods and properties."""
    if inspect.isfunction(thing):
        yield thing
    elif inspect.isclass(thing):
        yield thing
        for name, member in inspect.getmembers(thing):
            if not name.startswith("_") or name == "__call__":
                yield from (found for found in (member, getattr(member, "fget", None)) if inspect.isfunction(found))


@pytest.mark.parametrize("module", [tocsin, *MODULES], ids=lambda module: str(module.__name__))
def test_the_classes_that_stand_in_signatures_are_public(module: ModuleType) -> None:
    hidden: dict[str, str] = {}
    for name in module.__all__:
        for member in members(getattr(module, name)):
            if not str(getattr(member, "__module__", "")).startswith("tocsin"):
                continue
            try:
                hints = typing.get_type_hints(member)
            except NameError:  # imported for type checkers alone
                continue
            for argument, hint in hints.items():
                if not argument.startswith("_"):
                    hidden |= {f"{name}: {argument}": found.__name__ for found in classes_in(hint) if found not in PUBLIC_CLASSES}
    assert hidden == {}


@pytest.mark.parametrize("name", tocsin.errors.__all__)
def test_a_traceback_names_an_exception_as_users_find_it(name: str) -> None:
    kind = getattr(tocsin.errors, name)
    assert not issubclass(kind, Exception) or f"{kind.__module__}.{kind.__qualname__}" == f"tocsin.errors.{name}"


def test_the_modules_import_by_either_spelling() -> None:
    for module in MODULES:
        assert getattr(tocsin, module.__name__.removeprefix("tocsin.")) is module


def test_importing_tocsin_loads_nothing_heavy() -> None:
    program = f"import sys; from tocsin import *; print([name for name in {HEAVY!r}.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_bare_import_loads_next_to_nothing() -> None:
    program = (
        "import sys, tocsin, tocsin.cli; print([name for name in ('attrs', 'returns', 'typing', 'tocsin.core') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {sys.path!r}; {program}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


def test_a_submodule_is_there_at_once() -> None:
    program = "import tocsin; print(tocsin.filters.__name__, tocsin.filters is tocsin.filters)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "tocsin.filters True\n"


def test_a_missing_name_is_an_attribute_error_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'tocsin' has no attribute 'slack_notifer'"):
        getattr(tocsin, "slack_notifer")  # noqa: B009 - type checkers know it too
    assert set(tocsin.__all__) <= set(dir(tocsin))
