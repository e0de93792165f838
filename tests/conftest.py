"""Fixtures and hooks of all tests: servers on the loopback interface, and the number of examples of a property by the profile.

No test reads the configuration or writes to the history of the user who runs it.
"""

import signal
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from tests.profile import PROFILE
from tocsin.shell import redaction
from tocsin.shell.adapters import secrets
from tocsin.shell.history.looked import looked
from tocsin.shell.log import outages

pytest_plugins = ["tests.servers.fixtures"]

HERE = Path(__file__).parent
MARKED = frozenset({"docs", "kill", "laws", "patched", "typing"})
"""The folders whose tests get a mark of the same name."""

SIGNALS = frozenset({"SIGHUP", "SIGINT", "SIGQUIT"})

settings.register_profile("laws", PROFILE.settings(PROFILE.laws, fresh=PROFILE.fresh))
settings.register_profile("others", PROFILE.settings(PROFILE.examples))
settings.load_profile("others")


def folder(path: Path) -> str:
    """Return the top folder of a file under tests."""
    return path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) and path != HERE else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Load the profile of the folder before a module is imported: Hypothesis's decorators read it then."""
    settings.load_profile("laws" if folder(collector.path) == "laws" else "others")
    return (yield)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of some folders, so that a run can select or deselect them."""
    if (name := folder(item.path)) in MARKED:
        item.add_marker(name)


@pytest.fixture(scope="session", autouse=True)
def separate_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give this session its own folder for configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The paths of the folders for state, one a test. None is made before something is written to it."""
    top = tmp_path_factory.mktemp("state")
    return (top / str(number) for number in count())


@pytest.fixture(autouse=True)
def separate_state(states: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own history, so that no silence and no expected run of another test is heeded in it."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(next(states)))
    looked.forget()


@pytest.fixture(autouse=True)
def secrets_are_forgotten() -> Iterator[None]:
    """Forget the secrets of a test after it, since each text is searched for each known secret, which takes time."""
    memory = redaction._memory
    before = dict(memory.values)
    yield
    secrets._read.clear()
    with memory.lock:
        memory.values.clear()
        memory.values.update(before)
        memory.version += 1


@pytest.fixture(autouse=True)
def outages_are_forgotten() -> None:
    """Forget what earlier tests reported in this process, so that a test finds its own reports in the log."""
    outages.clear()


@pytest.fixture(scope="session", autouse=True)
def signals_are_not_ignored() -> Iterator[None]:
    """Let the programs that a test starts receive SIGHUP, SIGINT and SIGQUIT, even where this process was started to ignore them.

    A shell makes its background jobs ignore SIGINT and SIGQUIT, and nohup makes a program ignore SIGHUP. A program inherits ignored
    signals, but no handlers. So this fixture sets Python's handler for SIGINT, and one that does nothing for the others.
    """
    ignored = [number for number in signal.Signals if number.name in SIGNALS and signal.getsignal(number) is signal.SIG_IGN]
    before = {
        number: signal.signal(number, signal.default_int_handler if number.name == "SIGINT" else _do_nothing) for number in ignored
    }
    yield
    for number, handler in before.items():  # pragma: no cover - only where some were ignored
        signal.signal(number, handler)


def _do_nothing(*_: object) -> None:  # pragma: no cover - only under nohup
    """Handle a signal by doing nothing."""
