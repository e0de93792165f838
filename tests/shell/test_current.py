"""The current interpreter in contexts, threads and event loop tasks, and ``TOCSIN_NOTIFY`` for child processes."""

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult

from tocsin import DryRun, Failed, Interpreter, Live, Recording, Running, State, Task, WatchedRun, interpreting, slack_notifier, watch
from tocsin.effects import Delivered, DeliveryError, Effect, Receipt
from tocsin.shell import current as shell_current
from tocsin.shell.current import current
from tocsin.shell.environment import NAME, override
from tocsin.shell.interpreter import notify_of
from tocsin.shell.report import DeliveryLog

pytestmark = pytest.mark.tocsin_live  # only these tests set an interpreter


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
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
    ("interpreter", "expected"),
    [(DryRun(), "print"), (Recording(), "none"), (Live(), None), (custom, "print"), (DeliveryLog(Recording()), "none")],
)
def test_the_variable_for_children_lasts_as_long_as_the_block(interpreter: Interpreter, expected: str | None) -> None:
    with interpreting(interpreter):
        assert os.environ.get(NAME) == expected
        assert override() is None
        with interpreting(Live()):
            assert os.environ.get(NAME) == expected  # a live interpreter comes last for other contexts
            assert isinstance(shell_current.current(), Live)
        assert os.environ.get(NAME) == expected
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


KINDS: tuple[Callable[[], Live | DryRun | Recording], ...] = (Live, DryRun, Recording)
KEPT = "kept"  # stands for a variable that a test does not change
Plan = list[tuple[Callable[[], Live | DryRun | Recording], str | None]]


@contextmanager
def patched(value: str | None) -> Generator[None]:
    """Set or remove the variable inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        if value is None:
            patch.delenv(NAME, raising=False)
        else:
            patch.setenv(NAME, value)
        yield


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([KEPT, None, "", "live", "print", "none", "prnt"])), max_size=5))
def test_the_end_of_a_scope_leaves_the_variable_as_the_scope_found_it(plan: Plan) -> None:
    def nest(plan: Plan) -> None:
        if not plan:
            return
        (kind, value), *rest = plan
        with nullcontext() if value == KEPT else patched(value):
            found = os.environ.get(NAME)
            with interpreting(kind()):
                nest(rest)
            assert os.environ.get(NAME) == found

    nest(plan)
    assert NAME not in os.environ


def of_process(scopes: Sequence[Interpreter]) -> Interpreter | None:
    """Return the interpreter that a new thread uses under the open scopes, given outermost first."""
    not_live = [scope for scope in scopes if notify_of(scope) != "live"]
    return next(reversed(not_live or scopes), None)


@pytest.mark.parametrize("outside", [None, "live", "print"])
def test_scopes_end_in_any_order(outside: str | None) -> None:
    with patched(outside):
        for kinds, order in product(product(KINDS, repeat=3), permutations(range(3))):
            scopes = [interpreting(kind()) for kind in kinds]
            still_open = {number: scope.__enter__() for number, scope in enumerate(scopes)}
            for number in order:
                scopes[number].__exit__(None, None, None)
                del still_open[number]
                expected = of_process([*still_open.values()])
                quiet = expected is not None and notify_of(expected) != "live" and outside != "print"
                assert os.environ.get(NAME) == (notify_of(expected) if quiet and expected is not None else outside)
                assert override() == (outside if outside == "print" else None)
                if still_open:
                    assert shell_current.current() is [*still_open.values()][-1]
                    assert in_thread(shell_current.current) is expected
            assert isinstance(shell_current.current(), Live)
            assert isinstance(in_thread(shell_current.current), Live)
            assert os.environ.get(NAME) == outside


def test_no_thread_takes_a_value_for_children_for_one_from_outside() -> None:
    seen: set[str | None] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(override())

    def work() -> None:
        for _ in range(100):
            with interpreting(DryRun()), interpreting(Recording()), interpreting(Live()):
                pass

    looking, *working = [threading.Thread(target=look), *(threading.Thread(target=work) for _ in range(3))]
    for thread in (looking, *working):
        thread.start()
    for thread in working:
        thread.join(60)
    done.set()
    looking.join(60)
    assert seen == {None}
    assert NAME not in os.environ
    assert isinstance(in_thread(shell_current.current), Live)


def test_a_context_that_was_copied_inside_stays_dry() -> None:
    def nested() -> Interpreter:
        with interpreting(Recording()):
            pass
        return shell_current.current()

    with interpreting(DryRun()) as dry:
        copied = copy_context()
    assert copied.run(nested) is dry
    assert isinstance(shell_current.current(), Live)


def test_a_scope_may_end_in_another_context() -> None:
    elsewhere, around = copy_context(), interpreting(DryRun())
    elsewhere.run(around.__enter__)
    for _ in range(100):
        scope = interpreting(Recording())
        recording = elsewhere.run(scope.__enter__)
        scope.__exit__(None, None, None)
        assert os.environ[NAME] == "print"
        assert elsewhere.run(shell_current.current) is recording
    assert len(elsewhere[shell_current._here]) == 3  # and not one for each
    elsewhere.run(around.__exit__, None, None, None)
    assert isinstance(elsewhere.run(shell_current.current), Live)
    assert NAME not in os.environ


def test_children_print_under_an_interpreter_without_a_mode() -> None:
    assert [notify_of(each) for each in (custom, DryRun(), Recording(), Live())] == ["print", "print", "none", "live"]


def test_an_interpreter_that_a_handler_leaves_in_force_stays_so() -> None:
    stack = ExitStack()

    def switch(run: WatchedRun, old: State, new: State) -> None:
        if new.is_failed():
            stack.enter_context(interpreting(later))

    later = Recording()
    with interpreting(Recording()):
        with pytest.raises(OSError, match="disk full"), watch("load", state_handlers=[switch]):
            raise OSError("disk full")
        assert current() is later
        stack.close()
        assert current() is not later


def test_it_decorates_and_may_be_entered_again() -> None:
    recording = Recording()
    block = interpreting(recording)

    @block
    def deep(count: int) -> int:
        assert current() is recording
        return count if count == 0 else deep(count - 1)

    with block, block:
        assert deep(3) == 0
        assert current() is recording
    assert current() is not recording
    assert os.environ.get(NAME) is None
