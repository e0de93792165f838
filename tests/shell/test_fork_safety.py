"""A fork waits for threads of ours that hold what a child could never get, and for nobody else, and not for long."""

import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tocsin.shell.fork_safety import wait_for_locks

PATIENCE = 10.0


class Thread:
    """Does something until it is let go."""

    def __init__(self, name: str, act: Callable[["Thread"], object]) -> None:
        self.there = threading.Event()
        self.go = threading.Event()
        self._thread = threading.Thread(target=act, args=(self,), name=name)
        self._thread.start()
        assert self.there.wait(PATIENCE)

    def end(self) -> None:
        self.go.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def getaddrinfo(thread: Thread) -> None:
    """Stands for the one of the module socket."""
    thread.there.set()
    assert thread.go.wait(PATIENCE)


def harmless(thread: Thread) -> None:
    thread.there.set()
    assert thread.go.wait(PATIENCE)


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Thread], object]]:
    """Imports a module that takes its time."""
    source = "import threading\nthread = threading.current_thread()._args[0]\nthread.there.set()\nthread.go.wait(10)\n"
    (tmp_path / "takes_its_time.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda _: importlib.import_module("takes_its_time")
    sys.modules.pop("takes_its_time", None)


def waited(thread: Thread) -> bool:
    """Whether a fork would wait for the thread; it is let go soon after."""
    letting_go = threading.Timer(0.2, thread.go.set)
    letting_go.start()
    began = time.monotonic()
    wait_for_locks()
    took = time.monotonic() - began
    thread.end()
    letting_go.join()
    return took > 0.1


def test_it_waits_for_a_thread_of_ours_that_looks_up_a_name() -> None:
    assert waited(Thread("tocsin_delivery", getaddrinfo))


def test_it_waits_for_a_thread_of_ours_that_imports(imports: Callable[[Thread], object]) -> None:
    assert waited(Thread("tocsin_delivery", imports))


@pytest.mark.parametrize(("name", "act"), [("tocsin_delivery", harmless), ("another", getaddrinfo)])
def test_it_does_not_wait_for_others(name: str, act: Callable[[Thread], object]) -> None:
    assert not waited(Thread(name, act))


def test_it_does_not_wait_for_ever() -> None:
    thread = Thread("tocsin_delivery", getaddrinfo)
    began = time.monotonic()
    wait_for_locks()
    assert 0.9 < time.monotonic() - began < PATIENCE
    thread.end()
