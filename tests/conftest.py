"""What every test may use: servers on the loopback interface; and as many examples of a property as the profile says.

No test reads the configuration of whoever runs it, or writes into their journal.
"""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.profile import PROFILE
from tocsin.shell.adapters import redaction

pytest_plugins = ["tests.servers.fixtures"]

HERE = Path(__file__).parent
MARKED = frozenset({"docs", "kill", "laws", "typing"})
"""The folders whose tests have a mark of the same name."""

HEEDED = frozenset({"SIGHUP", "SIGINT", "SIGQUIT"})

settings.register_profile("laws", PROFILE.settings(PROFILE.laws, fresh=PROFILE.fresh))
settings.register_profile("others", PROFILE.settings(PROFILE.examples))
settings.load_profile("others")


def folder(path: Path) -> str:
    """The folder under tests in which a file is."""
    return path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) and path != HERE else ""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Have Hypothesis's decorators find the number of examples of their folder, as a module is imported."""
    settings.load_profile("laws" if folder(collector.path) == "laws" else "others")
    return (yield)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of some folders, so that a run can choose them or leave them out."""
    if (name := folder(item.path)) in MARKED:
        item.add_marker(name)


@pytest.fixture(scope="session", autouse=True)
def at_nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Folders for configuration and state that belong to this session alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("TOCSIN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def secrets_are_forgotten() -> Iterator[None]:
    """What a test has as a secret is none in the next test: a text is searched for each secret that is known, a long text for long."""
    memory = redaction._memory
    before = dict(memory.values)
    yield
    with memory.lock:
        memory.values.clear()
        memory.values.update(before)
        memory.version += 1


@pytest.fixture(scope="session", autouse=True)
def signals_are_heeded() -> Iterator[None]:
    """The programs that a test starts heed the keyboard's signals and a hang-up, also where this process has to ignore them.

    A shell has what it starts in the background ignore SIGINT and SIGQUIT, and nohup has it ignore SIGHUP. A program inherits what its
    parent ignores, and no handler. So SIGINT has Python's handler here, and the others have one that does nothing.
    """
    ignored = [number for number in signal.Signals if number.name in HEEDED and signal.getsignal(number) is signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler if number.name == "SIGINT" else _let_be) for number in ignored}
    yield
    for number, handler in before.items():  # pragma: no cover - only where some were ignored
        signal.signal(number, handler)


def _let_be(*_: object) -> None:  # pragma: no cover - only under nohup
    """Go on."""
