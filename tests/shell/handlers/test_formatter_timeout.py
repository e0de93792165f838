"""A formatter that blocks or is slow costs a message its text, and the run at most some seconds."""

import gc
import pickle
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

import attrs
import pytest

from tocsin import Change, Failed, Flow, Recording, Running, State, Success, Task, gmail_notifier, interpreting, slack_notifier
from tocsin.core.effects import Effect, PostToSlack
from tocsin.core.notifiers import Messenger, SlackNotifier
from tocsin.flows.task import FunctionTask
from tocsin.shell.handlers.currying import CurriedHandler
from tocsin.shell.handlers.formatter_timeout import REST, SECONDS, TimedFormatter

CHANGE = Change(Task("load"), Running(), Failed("disk full"), datetime(2030, 1, 1, tzinfo=UTC), "run", "load")
TIMEOUT = 10.0
SHORT = 0.02


def worded(change: Change) -> str:
    return f"{change.slug} broke"


@attrs.frozen(eq=False)
class Door:
    """A formatter that answers once it is open, and keeps the threads that called it."""

    opened: threading.Event = attrs.field(factory=threading.Event, repr=False)
    threads: list[threading.Thread] = attrs.field(factory=list[threading.Thread], repr=False)

    def __call__(self, change: Change) -> str:
        self.threads.append(threading.current_thread())
        assert self.opened.wait(TIMEOUT)
        return worded(change)

    def bound(self, change: Change) -> str:
        return self(change)

    def open(self) -> None:
        """Release all threads and wait for their end."""
        self.opened.set()
        for thread in self.threads:
            thread.join(TIMEOUT)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.open()


def late(call: Callable[[Change], str]) -> str:
    """Return the error text of a late call."""
    with pytest.raises(TimeoutError) as caught:
        call(CHANGE)
    return str(caught.value)


def text(effect: Effect) -> str:
    assert isinstance(effect, PostToSlack)
    return effect.payload.fallback


def message_of(handler: object) -> object:
    assert isinstance(handler, Messenger)
    return handler.message


def test_it_says_what_the_formatter_says_in_a_thread_with_the_context_of_the_caller() -> None:
    who = ContextVar("who", default="default")
    who.set("caller")

    def formatter(change: Change) -> str:
        thread = threading.current_thread()
        return f"{worded(change)}: {who.get()}, {thread.name}, {thread.daemon}"

    assert TimedFormatter(formatter)(CHANGE) == "load broke: caller, tocsin_formatter, True"


@pytest.mark.parametrize("error", [LookupError("no"), KeyboardInterrupt(), SystemExit(3), TimeoutError("its own")], ids=repr)
def test_what_it_raises_is_raised_as_itself(error: BaseException) -> None:
    def formatter(_: Change) -> NoReturn:
        raise error

    with pytest.raises(type(error)) as caught:
        TimedFormatter(formatter)(CHANGE)
    assert caught.value is error


def test_what_it_raises_is_not_kept() -> None:
    class Mine(Exception):
        pass

    def formatter(_: Change) -> NoReturn:
        raise Mine

    kept: list[weakref.ref[Mine]] = []
    try:
        TimedFormatter(formatter)(CHANGE)
    except Mine as error:
        kept.append(weakref.ref(error))
    assert kept[0]() is None


def test_one_that_blocks_is_late_and_not_called_again(door: Door) -> None:
    limited = TimedFormatter(door, seconds=SHORT)
    assert late(limited) == "it did not answer within 0.02 s"
    assert [late(limited) for _ in range(1000)] == ["it did not answer lately, and has to rest for 60 s"] * 1000
    assert len(door.threads) == 1
    door.open()
    assert "rest" in late(limited)


def test_it_is_not_called_before_it_has_come_back_and_then_it_is(door: Door) -> None:
    limited = TimedFormatter(door, seconds=SHORT, rest=0.0)
    assert "within" in late(limited)
    assert "rest" in late(limited)
    door.open()
    assert attrs.evolve(limited, seconds=TIMEOUT)(CHANGE) == "load broke"
    assert len(door.threads) == 2


def test_late_calls_that_are_over_are_dropped(door: Door) -> None:
    other = Door()
    assert "within" in late(TimedFormatter(door, seconds=SHORT, rest=0.0))
    assert "within" in late(TimedFormatter(other, seconds=SHORT))
    door.open()
    gone = weakref.ref(door.threads.pop())
    last = Door()
    assert "within" in late(TimedFormatter(last, seconds=SHORT))
    assert "rest" in late(TimedFormatter(other, seconds=SHORT))
    gc.collect()  # the traceback refers to it
    assert gone() is None
    other.open()
    last.open()


def test_a_lambda_in_a_loop_is_one_formatter(door: Door) -> None:
    said = [late(TimedFormatter(lambda change: door(change), seconds=SHORT)) for _ in range(5)]  # noqa: PLW0108 - as users write it
    assert ["within" in each for each in said] == [True, False, False, False, False]


def test_a_method_is_one_formatter_and_a_callable_one_by_itself(door: Door) -> None:
    assert ["within" in late(TimedFormatter(door.bound, seconds=SHORT)) for _ in range(2)] == [True, False]
    assert TimedFormatter(worded)(CHANGE) == "load broke"
    assert "within" in late(TimedFormatter(partial(door), seconds=SHORT))
    assert "within" in late(TimedFormatter(partial(door), seconds=SHORT))


def test_without_a_thread_it_is_called_synchronously(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert TimedFormatter(lambda change: f"{worded(change)} in {threading.current_thread().name}")(CHANGE) == "load broke in MainThread"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing ends a wait there")
def test_an_interruption_of_the_waiting_thread_is_raised(door: Door) -> None:
    def formatter(change: Change) -> str:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return door(change)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background has another one
    try:
        with pytest.raises(KeyboardInterrupt):
            TimedFormatter(formatter)(CHANGE)
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_is_the_value_that_the_formatter_is() -> None:
    limited = TimedFormatter(worded)
    assert limited == worded
    assert worded == limited
    assert limited == TimedFormatter(worded, seconds=1.0)
    assert limited not in [TimedFormatter(repr), repr, None]
    assert hash(limited) == hash(worded)
    assert repr(limited) == "worded"
    assert TimedFormatter(limited).fn is worded
    assert pickle.loads(pickle.dumps(limited)) == worded
    assert (limited.seconds, limited.rest) == (SECONDS, REST) == (5.0, 60.0)


@pytest.mark.parametrize("notifier", [slack_notifier, gmail_notifier], ids=repr)
def test_the_attached_notifier_is_the_same_with_a_time_limit(notifier: CurriedHandler) -> None:
    given = notifier.bind((), {"message": worded, "only_states": [Failed]})
    assert isinstance(given, CurriedHandler)
    (handler,) = Task("load", state_handlers=[given]).handlers  # type: ignore[list-item]  # either is one
    assert isinstance(message_of(handler), TimedFormatter)
    assert handler == given.notifier
    assert repr(handler) == repr(given) == f"{given.function}(only_states=[Failed], message=worded)"
    assert pickle.loads(pickle.dumps(handler)) == handler


def test_limits_of_ones_own_are_kept_and_a_bare_notifier_is_wrapped_too() -> None:
    own = TimedFormatter(worded, seconds=1.0)
    handlers = Flow("load", state_handlers=[slack_notifier(message=own), slack_notifier]).handlers
    assert message_of(handlers[0]) is own
    assert message_of(handlers[1]) is None
    (bare,) = Flow("load", state_handlers=[SlackNotifier(message=worded)]).handlers
    assert isinstance(message_of(bare), TimedFormatter)


def test_a_notifier_called_by_hand_has_the_time_limit_too(door: Door) -> None:
    with interpreting(Recording()) as recording:
        for _ in range(2):
            slack_notifier(Task("load"), Running(), Failed("disk full"), message=TimedFormatter(door, seconds=SHORT))
        slack_notifier(Task("load"), Running(), Failed("disk full"), message=lambda _: threading.current_thread().name)
    assert [text(effect) for effect in recording.effects] == [*["load failed: disk full"] * 2, "load failed: tocsin_formatter"]
    assert len(door.threads) == 1


def test_a_run_is_unharmed_and_its_report_says_what_happened(door: Door) -> None:
    notifier = slack_notifier(message=TimedFormatter(door, seconds=SHORT), only_states=[Success, Failed])
    tasks = [FunctionTask(int, name=f"work {number}", state_handlers=[notifier]) for number in range(20)]
    report = Flow("unharmed", tasks=tasks).run(interpreter=(recording := Recording()))
    assert report.state.is_successful()
    assert [str(fault.error) for fault in report.faults[:2]] == [
        "it did not answer within 0.02 s",
        "it did not answer lately, and has to rest for 60 s",
    ]
    assert len(report.faults) == len(recording.effects) == 20
    assert {type(fault.error) for fault in report.faults} == {TimeoutError}
    assert "survived: the formatter Door() raised TimeoutError: it did not answer within 0.02 s" in report.explain()
    assert len(door.threads) == 1
    effect = recording.effects[0]
    assert isinstance(effect, PostToSlack)
    assert "did not answer within 0.02 s" in str(effect.payload)
    assert text(effect).endswith(" succeeded after less than 1 ms")


def test_a_notifier_without_a_formatter_starts_no_thread() -> None:
    names: list[str] = []

    def noted(_: Task, __: State, ___: State) -> None:
        names.extend(thread.name for thread in threading.enumerate())

    with interpreting(Recording()):
        Flow("idle", tasks=[Task("idle", state_handlers=[slack_notifier, noted])]).run()
    assert names
    assert "tocsin_formatter" not in names
    assert SlackNotifier().message is None
