"""A fork waits for threads of tocsin that hold locks which a child could never get, for no others, and not for long."""

import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tocsin.shell.fork_safety import wait_for_locks

TIMEOUT = 10.0


class Thread:
    """Runs a function until it is released."""

    def __init__(self, name: str, act: Callable[["Thread"], object]) -> None:
        self.there = threading.Event()
        self.go = threading.Event()
        self._thread = threading.Thread(target=act, args=(self,), name=name)
        self._thread.start()
        assert self.there.wait(TIMEOUT)

    def end(self) -> None:
        self.go.set()
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


def getaddrinfo(thread: Thread) -> None:
    """Have the name of the function of the module socket."""
    thread.there.set()
    assert thread.go.wait(TIMEOUT)


def harmless(thread: Thread) -> None:
    thread.there.set()
    assert thread.go.wait(TIMEOUT)


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Thread], object]]:
    """Return a function that imports a slow module."""
    source = "import threading\nthread = threading.current_thread()._args[0]\nthread.there.set()\nthread.go.wait(10)\n"
    (tmp_path / "takes_its_time.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda _: importlib.import_module("takes_its_time")
    sys.modules.pop("takes_its_time", None)


def waited(thread: Thread, seconds: float = 0.2) -> bool:
    """Return whether a fork waits for the thread, which is released after these seconds."""
    release = threading.Timer(seconds, thread.go.set)
    release.start()
    began = time.monotonic()
    wait_for_locks()
    took = time.monotonic() - began
    thread.end()
    release.join()
    return took > seconds / 2


def test_it_waits_for_a_thread_of_ours_that_looks_up_a_name() -> None:
    assert waited(Thread("tocsin_delivery", getaddrinfo))


def test_it_waits_for_a_thread_of_ours_that_imports(imports: Callable[[Thread], object]) -> None:
    assert waited(Thread("tocsin_delivery", imports))


def test_a_slow_import_is_waited_for_to_its_end(imports: Callable[[Thread], object]) -> None:
    """A child that inherits half a module loses its messages."""
    assert waited(Thread("tocsin_delivery", imports), 2.5)


@pytest.mark.parametrize(("name", "act"), [("tocsin_delivery", harmless), ("another", getaddrinfo)])
def test_it_does_not_wait_for_others(name: str, act: Callable[[Thread], object]) -> None:
    assert not waited(Thread(name, act))


def test_it_does_not_wait_for_ever() -> None:
    thread = Thread("tocsin_delivery", getaddrinfo)
    began = time.monotonic()
    wait_for_locks()
    assert 0.9 < time.monotonic() - began < TIMEOUT
    thread.end()
