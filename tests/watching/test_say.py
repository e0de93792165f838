"""``run.say`` sends a text now, in order, from any thread, and nothing of it reaches the body."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Generator

import pytest

from tocsin import (
    DryRun,
    Failed,
    Outcome,
    Recording,
    Running,
    State,
    WatchedRun,
    current_run,
    gmail_notifier,
    interpreting,
    signals,
    slack_notifier,
    watch,
)
from tocsin.core.changes import Key
from tocsin.core.effects import Effect, PostToSlack, SendEmail
from tocsin.core.outcomes import Delivered
from tocsin.shell.history.silences import silence
from tocsin.shell.said_queue import SaidQueue

FAILURES = slack_notifier(only_states=[Failed])


def posted(recording: Recording) -> list[str]:
    return [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]


def keys(recording: Recording) -> list[Key]:
    return [effect.key for effect in recording.effects]


class Sending:
    """An interpreter that counts as one that sends."""

    notify = "live"

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def __call__(self, effect: Effect, /) -> Outcome:
        self.effects.append(effect)
        return Delivered()


def test_it_is_sent_now_whatever_the_filter(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES, gmail_notifier]) as run:
        run.link("https://example.com/runs/7")
        run.say("3 of 7 files are read")
        first = posted(notifications)
    assert first == posted(notifications) == ["load: 3 of 7 files are read"]
    post, mail = notifications.effects[1], notifications.effects[2]
    assert isinstance(post, PostToSlack)
    assert isinstance(mail, SendEmail)
    assert (post.payload.title, post.payload.color, post.payload.text) == ("Running", Running().color, "load is now in a Running state")
    assert post.payload.title_link == "https://example.com/runs/7"
    assert "Message" not in [field.title for field in post.payload.fields]
    assert mail.mail.subject == "load: 3 of 7 files are read"


def test_handlers_that_send_no_message_are_not_called(notifications: Recording) -> None:
    called: list[str] = []

    def foreign(run: WatchedRun, old: State, new: State) -> None:
        called.append(type(new).__name__)

    with watch("load", state_handlers=[foreign, FAILURES], on_failure=lambda _, state: called.append("failed")) as run:
        run.say("half of it")
    assert called == ["Running", "Success"]
    assert run.report is not None
    assert run.report.explain().splitlines()[4:8] == [
        "load: said 'half of it'",
        f"    {foreign.__qualname__}: not called: no state changed",
        "    slack_notifier(only_states=[Failed]): withheld: recorded",
        f"    {run.report.changes[0].handlers[2]!r}: not called: no state changed",
    ]


def test_a_handler_may_say_something_and_it_comes_after_what_is_announced(notifications: Recording) -> None:
    def talkative(run: WatchedRun, old: State, new: State) -> None:
        run.say(f"now {type(new).__name__}")

    with watch("load", state_handlers=[talkative, slack_notifier]):
        pass
    assert [text.partition(" after")[0] for text in posted(notifications)] == ["load started", "load: now Running", "load succeeded"]


@pytest.mark.tocsin_live
def test_an_interpreter_may_have_the_run_say_something() -> None:
    said: list[str] = []
    open_runs: list[WatchedRun] = []

    def echoing(effect: Effect, /) -> Outcome:
        assert isinstance(effect, PostToSlack)
        said.append(effect.payload.fallback)
        if open_runs and len(said) == 1:
            open_runs[0].say("echo")
            assert len(said) == 1
        return Delivered()

    with interpreting(echoing), watch("load", state_handlers=[FAILURES]) as run:
        open_runs.append(run)
        run.say("hello")
    assert said == ["load: hello", "load: echo"]


@pytest.mark.parametrize("nothing", ["", " \n\t", "\u200b"])
def test_a_blank_text_says_nothing(nothing: str, notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES]) as run:
        run.say(nothing)
    assert notifications.effects == ()


class Rude:
    def __str__(self) -> str:
        raise SystemExit(3)


def test_anything_can_be_said_and_nothing_is_raised(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES]) as run:
        run.say(0.125)
        run.say(Rude())
        run.say("x" * 1_000_000)
    assert posted(notifications)[:2] == ["load: 0.125", "load: &lt;Rude object whose str raised SystemExit&gt;"]
    assert len(posted(notifications)[2]) <= 200


def test_what_is_said_too_late_is_logged(caplog: pytest.LogCaptureFixture, notifications: Recording) -> None:
    with watch("tardy", state_handlers=[FAILURES]) as run:
        pass
    run.say("one more thing")
    assert caplog.messages == ["tocsin: a text about 'tardy' was said after its run had ended, and is in no message"]
    assert notifications.effects == ()


def test_functions_generators_and_coroutines_say_something(notifications: Recording) -> None:
    def say(text: str) -> None:
        run = current_run()
        assert run is not None
        run.say(text)

    @watch(state_handlers=[FAILURES])
    def plain() -> None:
        say("one")

    @watch(state_handlers=[FAILURES])
    def items() -> Generator[int, None, None]:
        say("two")
        yield 1
        say("three")

    @watch(state_handlers=[FAILURES])
    async def awaited() -> None:
        await asyncio.sleep(0)
        say("four")

    @watch(state_handlers=[FAILURES])
    async def listed() -> AsyncGenerator[int, None]:
        say("five")
        yield 1

    async def together() -> None:
        await awaited()
        assert [item async for item in listed()] == [1]

    plain()
    assert list(items()) == [1]
    asyncio.run(together())
    assert posted(notifications) == ["plain: one", "items: two", "items: three", "awaited: four", "listed: five"]


def say_twenty(run: WatchedRun, thread: int) -> None:
    for turn in range(20):
        run.say(f"{thread}.{turn}")


def test_many_threads_say_something_at_once_and_each_key_is_unique(notifications: Recording) -> None:
    with watch("load", state_handlers=[slack_notifier]) as run:
        threads = [threading.Thread(target=say_twenty, args=(run, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(keys(notifications))) == len(keys(notifications)) == 162
    said = posted(notifications)[1:-1]
    assert sorted(said) == sorted(f"load: {n}.{turn}" for n in range(8) for turn in range(20))
    for n in range(8):
        assert [text for text in said if text.startswith(f"load: {n}.")] == [f"load: {n}.{turn}" for turn in range(20)]


@pytest.mark.tocsin_live
def test_the_end_waits_for_what_was_said_before_it() -> None:
    sending, may_go = threading.Event(), threading.Event()
    said: list[str] = []

    def slow(effect: Effect, /) -> Outcome:
        assert isinstance(effect, PostToSlack)
        if not sending.is_set():
            sending.set()
            assert may_go.wait(30)
        said.append(effect.payload.fallback.partition(" after")[0])
        return Delivered()

    with interpreting(slow), watch("load", state_handlers=[slack_notifier(ignore_states=[Running])]) as run:
        thread = threading.Thread(target=run.say, args=["first"])
        thread.start()
        assert sending.wait(30)
        run.say("second")  # the other thread announces it, so this one need not wait
        assert said == []
        threading.Timer(0.05, may_go.set).start()
    thread.join()
    assert said == ["load: first", "load: second", "load succeeded"]


def test_what_comes_while_the_end_closes_the_queue_is_too_late(caplog: pytest.LogCaptureFixture) -> None:
    announced: list[str] = []
    queue = SaidQueue("load", lambda said: announced.append(said.text))
    queue.put("in time")
    queue.close()
    queue.put("too late")
    queue.announce_waiting()
    assert announced == ["in time"]
    assert caplog.messages == ["tocsin: a text about 'load' was said after its run had ended, and is in no message"]


def test_a_run_that_could_not_begin_says_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("tocsin.watching.options.default_recipients", lambda: 1 / 0)
    with watch("load") as run:
        run.say("hello")
    assert caplog.messages == ["tocsin: could not notify about 'load', which goes on: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("place", ["tocsin.shell.said_queue.redact", "tocsin.watching.run.feed"])
def test_an_error_of_ours_is_a_line_in_the_log(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, notifications: Recording
) -> None:
    with watch("load", state_handlers=[FAILURES]) as run:
        monkeypatch.setattr(place, lambda *_: 1 / 0)
        run.say("hello")
        monkeypatch.undo()
        run.say("again")
    assert caplog.messages == ["tocsin: could not notify about 'load', which goes on: ZeroDivisionError: division by zero"]
    assert posted(notifications) == ["load: again"]


@pytest.mark.parametrize("place", ["tocsin.shell.said_queue.worded", "tocsin.watching.run.feed"])
def test_a_ctrl_c_goes_to_the_body(place: str, monkeypatch: pytest.MonkeyPatch, notifications: Recording) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with watch("load", state_handlers=[FAILURES]) as run:
        monkeypatch.setattr(place, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.say("hello")
        monkeypatch.undo()
        run.say("again")
    assert posted(notifications) == ["load: again"]


def test_a_run_in_another_state_by_a_handler_goes_on_saying(notifications: Recording) -> None:
    def finishing(run: WatchedRun, old: State, new: State) -> None:
        raise signals.SUCCESS("done before it began")

    with watch("load", state_handlers=[FAILURES, finishing]) as run:
        run.say("still here")
    assert posted(notifications) == ["load: still here"]


@pytest.mark.tocsin_live
def test_a_silence_holds() -> None:
    sending = Sending()
    silence("quiet load", time.time() - 60, time.time() + 100)
    try:
        with interpreting(sending), watch("quiet load", state_handlers=[FAILURES]) as run:
            run.say("a text")
    finally:
        silence("quiet load", time.time() - 60, time.time() - 1)
    assert sending.effects == []
    assert run.report is not None
    assert "silenced" in run.report.explain()


def test_a_dry_run_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with interpreting(DryRun()), watch("load", state_handlers=[FAILURES]) as run:
        run.say("hello")
    assert '"text": "load: hello"' in capsys.readouterr().out


@pytest.mark.tocsin_live
def test_a_delivery_that_fails_is_logged_and_harms_no_body(caplog: pytest.LogCaptureFixture) -> None:
    def broken(effect: Effect, /) -> Outcome:
        raise OSError("no route")

    with interpreting(broken), watch("load", state_handlers=[FAILURES]) as run:
        run.say("hello")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.tocsin_live
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_says_something_by_keys_of_its_own() -> None:
    sending, may_go = threading.Event(), threading.Event()
    read, write = os.pipe()
    process, found = os.getpid(), list[str]()

    def slow(effect: Effect, /) -> Outcome:
        found.append(str(effect.key))
        if os.getpid() != process:  # pragma: no cover - in the child
            os.write(write, f"{effect.key}\n".encode())
        elif not sending.is_set():
            sending.set()
            assert may_go.wait(30)
        return Delivered()

    with interpreting(slow), watch("load", state_handlers=[FAILURES]) as run:
        thread = threading.Thread(target=run.say, args=["in the parent"])
        thread.start()
        assert sending.wait(30)
        run.say("in the parent, too")
        if not (child := os.fork()):  # pragma: no cover - the child exits at once and records no coverage
            run.say("in the child")
            os._exit(0)
        may_go.set()
        thread.join(30)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(write)
    with os.fdopen(read) as pipe:
        in_child = pipe.read().split()
    assert len(in_child) == 1
    assert len(found) == 2
    assert not {*in_child} & {*found}
