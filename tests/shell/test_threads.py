"""Threads say whether they could start, and a call in a thread gives its result or its exception to the thread that waits."""

import gc
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import NoReturn

import pytest

from tocsin.shell.threads import CallThread, WorkerThread

TIMEOUT = 10.0


class Mine(Exception):
    pass


def fail() -> NoReturn:
    raise Mine


def ended(call: Callable[[], object]) -> CallThread[object]:
    """Return a thread whose call has ended."""
    thread = CallThread("tocsin_test", call)
    assert thread.try_start()
    assert thread.wait(TIMEOUT)
    return thread


@pytest.mark.parametrize("daemon", [True, False])
@pytest.mark.parametrize("kind", [WorkerThread, CallThread])
def test_a_thread_has_its_name_and_says_that_it_has_started(kind: type[WorkerThread] | type[CallThread[None]], daemon: bool) -> None:
    seen: list[object] = []
    thread = kind("tocsin_test", lambda: seen.append(threading.current_thread()), daemon=daemon)
    assert thread.try_start()
    thread.join(TIMEOUT)
    assert seen == [thread.thread]
    assert (thread.thread.name, thread.thread.daemon, thread.is_alive()) == ("tocsin_test", daemon, False)
    assert WorkerThread("tocsin_test", fail).thread.daemon


def test_a_thread_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    seen: list[object] = []
    assert not WorkerThread("tocsin_test", lambda: seen.append(1)).try_start()
    assert seen == []


def test_an_interruption_of_a_start_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: threading.Thread) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupt)
    with pytest.raises(KeyboardInterrupt):
        WorkerThread("tocsin_test", fail).try_start()


@pytest.mark.parametrize("result", [None, 0, "text", Mine()], ids=repr)
def test_a_call_gives_its_result(result: object) -> None:
    assert ended(lambda: result).result() is result


@pytest.mark.parametrize("error", [Mine(), KeyboardInterrupt(), SystemExit(3), TimeoutError("its own")], ids=repr)
def test_a_call_gives_its_exception(error: BaseException) -> None:
    def call() -> NoReturn:
        raise error

    thread = ended(call)
    with pytest.raises(type(error)) as caught:
        thread.result()
    assert caught.value is error


def test_an_exception_is_freed_when_it_was_handled() -> None:
    kept: list[weakref.ref[Mine]] = []
    gc.disable()
    try:
        ended(fail).result()
    except Mine as error:
        kept.append(weakref.ref(error))
    finally:
        gc.enable()
    assert kept[0]() is None


def test_a_call_runs_in_a_copy_of_the_context() -> None:
    who = ContextVar("who", default="default")
    who.set("caller")

    def call() -> str:
        before = who.get()
        who.set("call")
        return before

    assert (ended(call).result(), who.get()) == ("caller", "caller")


def test_a_call_is_waited_for_no_longer_than_allowed() -> None:
    door = threading.Event()
    thread = CallThread("tocsin_test", lambda: door.wait(TIMEOUT))
    assert thread.try_start()
    assert not thread.wait(0.01)
    door.set()
    assert thread.wait(TIMEOUT)
    assert thread.result()
