"""Which interpreter is in force: here, in threads, in tasks of an event loop, and what children are told."""

import asyncio
import os
import threading
from collections.abc import Callable

import pytest
from returns.io import IOResult

from tocsin import DryRun, Failed, Interpreter, Live, Recording, Running, Task, interpreting, slack_notifier
from tocsin.effects import Delivered, DeliveryError, Effect, Receipt
from tocsin.shell import current as shell_current
from tocsin.shell.environment import NAME, override
from tocsin.shell.interpreters.base import notify_of
from tocsin.shell.report import Logbook

pytestmark = pytest.mark.tocsin_live  # nothing is in force but what these tests set


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)


def in_thread(work: Callable[[], Interpreter]) -> Interpreter:
    found: list[Interpreter] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def notify() -> None:
    slack_notifier(Task("load"), Running(), Failed())


def test_live_is_the_default() -> None:
    assert isinstance(shell_current.current(), Live)


def test_the_innermost_is_in_force_and_gives_way() -> None:
    outer, inner = Recording(), Recording()
    with interpreting(outer):
        with interpreting(inner) as same:
            assert same is inner
            notify()
        notify()
    assert (len(outer.effects), len(inner.effects)) == (1, 1)
    assert isinstance(shell_current.current(), Live)


def test_a_thread_started_inside_sees_it_too() -> None:
    with interpreting(Recording()) as outer:
        assert in_thread(shell_current.current) is outer
        with interpreting(Recording()) as inner:
            assert in_thread(shell_current.current) is inner
    assert isinstance(in_thread(shell_current.current), Live)


def test_tasks_of_an_event_loop_do_not_see_each_others() -> None:
    async def work(turn: asyncio.Event, other: asyncio.Event) -> tuple[Interpreter, Recording]:
        with interpreting(Recording()) as mine:
            other.set()
            await turn.wait()
            return shell_current.current(), mine

    async def both() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(10):
            pairs = await asyncio.gather(work(one, two), work(two, one))
        assert all(current is mine for current, mine in pairs)

    asyncio.run(both())


def custom(_: Effect) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_value(Delivered())


@pytest.mark.parametrize(
    ("interpreter", "told"),
    [(DryRun(), "print"), (Recording(), "none"), (Live(), None), (custom, "print"), (Logbook(Recording()), "none")],
)
def test_children_are_told_for_as_long_as_it_lasts(interpreter: Interpreter, told: str | None) -> None:
    with interpreting(interpreter):
        assert os.environ.get(NAME) == told
        assert override() is None
        with interpreting(Live()):
            assert os.environ.get(NAME) == told  # one that sends is for others only where no other is open
            assert isinstance(shell_current.current(), Live)
        assert os.environ.get(NAME) == told
    assert NAME not in os.environ
    assert custom(slack()) == IOResult.from_value(Delivered())


def slack() -> Effect:
    with interpreting(Recording()) as recording:
        notify()
    return recording.effects[0]


def test_what_came_from_outside_wins(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(NAME, "print")
    with interpreting(Recording()):
        assert (os.environ[NAME], override()) == ("print", "print")
    assert os.environ[NAME] == "print"
    notify()
    assert capsys.readouterr().out.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:\n")


@pytest.mark.parametrize(("value", "meaning"), [("none", "none"), ("prnt", "none"), ("live", None), ("", None), ("print", "print")])
def test_the_words_of_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, meaning: str | None) -> None:
    monkeypatch.setenv(NAME, value)
    assert override() == meaning
    with interpreting(DryRun()):
        assert override() == meaning
    assert os.environ[NAME] == value


def test_what_others_set_meanwhile_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    with interpreting(DryRun()):
        monkeypatch.setenv(NAME, "none")
        assert override() == "none"
    assert os.environ[NAME] == "none"


def test_who_says_nothing_has_children_that_print() -> None:
    assert [notify_of(each) for each in (custom, DryRun(), Recording(), Live())] == ["print", "print", "none", "live"]
