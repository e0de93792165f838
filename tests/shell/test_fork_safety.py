"""A fork waits for threads of tocsin that hold locks which a child could never get, for no others, and not for long.

What is registered is locked before a fork, unlocked in the parent after it, and forgotten in the child, in the order of registration.
"""

import gc
import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

import tocsin
from tocsin.shell import fork_safety
from tocsin.shell.fork_safety import ForkSafeLock, OnUse, close_before_fork, forget_in_child, wait_for_locks

TIMEOUT = 10.0
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


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


@attrs.define(eq=False)
class Registered:
    """Notes what is called around a fork. It can be locked unless it is busy."""

    name: str
    calls: list[str]
    busy: bool = False

    def close_and_lock(self, seconds: float) -> bool:
        self.calls.append(f"lock {self.name}")
        time.sleep(seconds if self.busy else 0.0)
        return not self.busy

    def unlock(self) -> None:
        self.calls.append(f"unlock {self.name}")

    def forget(self) -> None:
        self.calls.append(f"forget {self.name}")


def in_child(act: Callable[[], bool]) -> bool:
    """Return what ``act`` returns in a forked child."""
    child = os.fork()
    if not child:
        os._exit(0 if act() else 3)  # if it raises, the child goes on with pytest, and exits with another status
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, 3}
    return status == 0


@forks
def test_what_is_registered_is_called_in_order() -> None:
    calls: list[str] = []
    things = [Registered(name, calls) for name in "abc"]
    for thing in things:
        forget_in_child(thing)
        close_before_fork(thing)
    locked = ["lock a", "lock b", "lock c"]
    assert in_child(lambda: calls == [*locked, "forget a", "forget b", "forget c"])
    assert sorted(calls) == [*locked, "unlock a", "unlock b", "unlock c"]


@forks
def test_what_is_busy_is_waited_for_once_and_not_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_safety, "_MAX_CLOSE_DELAY", 0.2)
    calls: list[str] = []
    things = [Registered(name, calls, busy=name != "c") for name in "abc"]
    for thing in things:
        close_before_fork(thing)
    began = time.monotonic()
    assert in_child(lambda: True)
    assert 0.2 <= time.monotonic() - began < TIMEOUT
    assert calls == ["lock a", "lock b", "lock c", "unlock c"]


@forks
def test_what_no_longer_exists_is_not_called() -> None:
    calls: list[str] = []
    gone = Registered("gone", calls)
    forget_in_child(gone)
    close_before_fork(gone)
    del gone
    gc.collect()
    assert in_child(lambda: calls == [])


@forks
def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    holder, there, go = ForkSafeLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with holder.lock:
            there.set()
            go.wait(TIMEOUT)

    thread = threading.Thread(target=hold)
    thread.start()
    assert there.wait(TIMEOUT)
    assert in_child(lambda: holder.lock.acquire(timeout=TIMEOUT))
    assert not holder.lock.acquire(blocking=False)
    go.set()
    thread.join(TIMEOUT)
    assert holder.lock.acquire(timeout=TIMEOUT)


@forks
def test_a_block_that_holds_the_lock_may_fork() -> None:
    holder = ForkSafeLock()
    with holder.lock:
        child = os.fork()
    if not child:
        os._exit(not holder.lock.acquire(timeout=TIMEOUT))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


LOGS = """
import os, threading
from tocsin.shell import fork_safety
import logging

class Logs:
    def close_and_lock(self, seconds):
        thread = threading.Thread(target=logging.getLogger, args=("new",), daemon=True)
        thread.start()
        thread.join(5)
        print("held" if thread.is_alive() else "free", flush=True)
        return False

logs = Logs()
fork_safety.close_before_fork(logs)
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
"""


@forks
def test_the_lock_of_logging_is_free_while_a_fork_waits() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", LOGS]  # since 3.12 Python warns of a fork beside a thread
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("free\n", "")


def test_the_functions_for_forks_are_registered_in_one_place() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(tocsin.__file__).parent.rglob("*.py")]
    assert sum(source.count("os.register_at_fork(") for source in sources) == 1


class Lazy:
    """Has an attribute that is made on use."""

    barrier = threading.Barrier(8)
    made = OnUse(lambda: (Lazy.barrier.wait(TIMEOUT), object()))


def test_threads_that_race_for_what_is_made_on_use_get_the_same() -> None:
    holder, seen = Lazy(), list[object]()
    threads = [threading.Thread(target=lambda: seen.append(holder.made)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert len(seen) == 8
    assert {id(made) for made in seen} == {id(holder.made)}
