"""Tests that the public names are exact, documented and light to import."""

import importlib
import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import tocsin
import tocsin.testing.strategies

STATES = "State Pending Scheduled Paused Resume Retrying MetaState Submitted Queued ClientFailed Running Finished Looped Success Cached"
MORE_STATES = "Mapped Skipped Failed Aborted TimedOut TriggerFailed"
FLOWS = "Task Flow task Tracked callback_factory slack_notifier gmail_notifier"
CORE = "transition step Run Step Change IllegalTransition"
SHELL = "Interpreter Live DryRun Recording interpreting reliable flush NotificationFailed SecretNotFound"
NAMED_MODULES = "adapters effects events filters interpreters signals triggers"
WATCHING = "watch install_excepthook LoggingHandler"
PUBLIC = f"{STATES} {MORE_STATES} {FLOWS} {CORE} {SHELL} {WATCHING} {NAMED_MODULES}".split(" ")
MODULES = [importlib.import_module(f"tocsin.{name}") for name in NAMED_MODULES.split(" ")]
HEAVY = "requests urllib3 smtplib email ssl asyncio typer rich hypothesis keyring platformdirs"


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
    program = "import tocsin; print(tocsin.core.__name__, tocsin.core is tocsin.core)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "tocsin.core True\n"


def test_a_missing_name_is_an_attribute_error_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'tocsin' has no attribute 'slack_notifer'"):
        getattr(tocsin, "slack_notifer")  # noqa: B009 - type checkers know it too
    assert set(tocsin.__all__) <= set(dir(tocsin))
