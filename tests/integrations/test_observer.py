"""The observer: what an engine says reaches the handlers once, and nothing of ours reaches the engine."""

import gc
import logging
import os
import signal
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from tocsin import Failed, Recording, Retrying, Running, State, Success, Tracked, filters, interpreting, slack_notifier
from tocsin.core import events as e
from tocsin.core.effects import CallBack, Effect
from tocsin.core.integrations.foreign import Engine, ForeignRun
from tocsin.core.messages.content import Content
from tocsin.integrations.observer import MOST_HEARD, Observer
from tocsin.shell.config.load import configuration
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.looked import looked
from tocsin.shell.history.silences import silence
from tocsin.shell.interpreters.outbox import Outbox
from tocsin.shell.outbox.store import Store
from tocsin.watching import recipients

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONLY_FAILED = slack_notifier(only_states=[Failed])


@attrs.frozen
class Record:
    """What an engine of the tests says."""

    run: ForeignRun
    events: tuple[e.Event, ...]


ENGINE = Engine[Record]("Loom", lambda record: record.run, lambda record: record.events)


def said(*events: e.Event, name: str = "load", run_id: str = "r1", attempt: int = 1) -> Callable[[], Record]:
    return lambda: Record(ForeignRun(name, run_id, attempt=attempt, attempts=3), events)


@pytest.fixture
def recording() -> Iterator[Recording]:
    """All that is told inside the test."""
    with interpreting(Recording()) as made:
        yield made


def sentence(effect: Effect) -> str:
    assert not isinstance(effect, CallBack)
    assert isinstance(effect.content, Content)
    return effect.content.sentence


def sentences(recording: Recording) -> list[str]:
    return [sentence(effect) for effect in recording.effects]


STARTED = e.Started(AT, None)
FAILED = e.Raised(AT, error=OSError("disk full"))


def test_what_is_news_is_told(recording: Recording) -> None:
    observer = Observer(ENGINE, [slack_notifier])
    for record in (said(STARTED), said(STARTED), said(FAILED), said(FAILED), said(e.Succeeded(AT))):
        observer.observe(record)
    assert sentences(recording) == ["load started", "load failed: OSError: disk full"]


def test_a_failure_that_the_engine_tells_is_final_unless_it_says_otherwise(recording: Recording) -> None:
    notifier = slack_notifier(when=filters.final_attempt)
    Observer(ENGINE, [notifier]).observe(said(FAILED))
    Observer(ENGINE, [notifier]).observe(said(FAILED), ends=None)
    assert sentences(recording) == ["load failed: OSError: disk full"]


def test_an_observer_that_has_nothing_to_say_says_so_at_once(recording: Recording) -> None:
    observer = Observer(ENGINE, [ONLY_FAILED])
    assert observer.ignores(Running, Success)
    assert not observer.ignores(Running, Failed)
    assert not Observer(ENGINE, [ONLY_FAILED, lambda *_: None]).ignores(Running)
    assert not Observer(ENGINE, [slack_notifier(when=filters.recovered())]).ignores(Success)
    assert not Observer(ENGINE, [ONLY_FAILED], no_end_after=timedelta(hours=1)).ignores(Running)


def test_what_is_never_told_need_not_be_hooked_in(recording: Recording) -> None:
    assert Observer(ENGINE, [ONLY_FAILED]).never_tells(Running, Success)
    assert not Observer(ENGINE, [ONLY_FAILED]).never_tells(Failed)
    assert not Observer(ENGINE, [ONLY_FAILED], no_end_after=timedelta(hours=1)).never_tells(Running)
    assert not Observer(ENGINE).never_tells(Running)


def test_silences_and_expectations_are_heeded(recording: Recording, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    looked.forget()
    observer = Observer(ENGINE, [ONLY_FAILED])
    assert observer.ignores(Running)
    now = datetime.now(UTC).timestamp()
    silence("load", now, now + 60)
    assert not observer.ignores(Running)
    assert not ExpectationStore.usual().used
    observer.observe(said(STARTED))
    monkeypatch.undo()
    looked.forget()


def test_without_handlers_those_of_the_configuration_are_told(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/X")
    configuration.cache_clear()
    recipients.forget()
    observer = Observer(ENGINE)
    assert repr(observer) == "<observer of Loom, for the handlers of the configuration>"
    assert not observer.ignores(Failed)
    observer.observe(said(FAILED))
    configuration.cache_clear()
    recipients.forget()
    assert sentences(recording) == ["load failed: OSError: disk full"]


def test_nothing_of_ours_reaches_the_engine(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    def leave(tracked_obj: Tracked, old: State, new: State) -> None:
        raise SystemExit(3)

    def unreadable() -> Record:
        raise RuntimeError("the engine's object is gone")

    observer = Observer(ENGINE, [slack_notifier, leave])
    observer.observe(said(FAILED))
    observer.observe(unreadable)
    observer.observe(unreadable)
    assert sentences(recording) == ["load failed: OSError: disk full"]
    assert caplog.messages == [
        "tocsin: could not notify about 'a run of Loom', which goes on: SystemExit: 3",
        "tocsin: could not notify about 'a run of Loom', which goes on: RuntimeError: the engine's object is gone",
    ]


def stop(signum: int, frame: object) -> None:
    raise SystemExit(-241)  # as a child of Celery's ends


def end(number: int, _: object) -> None:
    raise SystemExit(number)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(("handler", "resets"), [(stop, True), (end, False)])
def test_a_signal_of_the_engine_passes(recording: Recording, handler: Callable[[int, object], None], resets: bool) -> None:
    def act(number: int, stack: object) -> None:
        if resets:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        handler(number, stack)

    def slow(tracked_obj: Tracked, old: State, new: State) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, act)
    try:
        with pytest.raises(SystemExit):
            Observer(ENGINE, [slow]).observe(said(STARTED))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_was_heard_keeps_no_frame_alive(recording: Recording) -> None:
    class Big:
        pass

    def fail() -> "weakref.ref[Big]":
        big = Big()
        try:
            raise OSError("disk full")
        except OSError as error:
            event = e.Raised(AT, error=error)
            Observer(ENGINE, [ONLY_FAILED]).observe(said(event))
            observers[0].observe(said(event))
        return weakref.ref(big)

    observers = [Observer(ENGINE, [lambda *_: None])]
    kept = fail()
    gc.collect()
    assert kept() is None or recording.effects  # a Recording holds effects, which hold words alone
    assert kept() is None


def test_ctrl_c_is_the_users() -> None:
    def interrupted() -> Record:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observer(ENGINE, [slack_notifier]).observe(interrupted)


def test_a_record_that_is_none_is_no_news(recording: Recording) -> None:
    Observer(ENGINE, [slack_notifier]).observe(lambda: None)
    assert recording.effects == ()


def test_each_record_is_logged_for_those_who_want_to_see_it(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="tocsin.integrations"):
        Observer(ENGINE, [slack_notifier]).observe(said(STARTED))
    assert caplog.messages[0].startswith("Loom: Record(run=ForeignRun(name='load', run_id='r1'")


def test_what_was_heard_of_many_runs_is_bounded(recording: Recording) -> None:
    observer = Observer(ENGINE, [slack_notifier])
    for number in range(MOST_HEARD + 1):
        observer._heard.hear(ForeignRun("load", f"r{number}"), STARTED, (), ends=True)
    assert repr(observer._heard) == f"<what was heard of {MOST_HEARD:,} runs>"
    observer.observe(said(STARTED, run_id="r0"))  # the oldest is forgotten
    observer.observe(said(STARTED, run_id=f"r{MOST_HEARD}"))
    assert len(recording.effects) == 1


@pytest.mark.tocsin_live
def test_of_two_processes_that_hear_of_one_end_the_outbox_takes_one_message(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/outbox.sqlite"
    for _ in range(2):  # an observer of its own knows nothing of the other
        outbox = Outbox(Recording(), url, exit_timeout=0.1)
        with interpreting(outbox):
            Observer(ENGINE, [slack_notifier]).observe(said(FAILED, attempt=3))
        outbox.close()
    store = Store(url)
    assert [row.key for row in store.rows()] == ["r1.load..46.0"]
    store.close()


def test_a_retry_is_no_failure(recording: Recording) -> None:
    observer = Observer(ENGINE, [ONLY_FAILED])
    observer.observe(said(e.Signalled(AT, state=Retrying(None, OSError("reset")), attempt=1)))
    observer.observe(said(e.Succeeded(AT), attempt=2))
    assert recording.effects == ()


def test_a_handler_may_be_a_list_itself() -> None:
    class Handler(list[str]):
        def __call__(self, tracked_obj: ForeignRun, old_state: State, new_state: State) -> None:
            self.append(f"{tracked_obj.name}: {type(new_state).__name__}")

    handler = Handler()
    Observer(ENGINE, [handler]).observe(said(FAILED, attempt=3))
    assert handler == ["load: Failed"]


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Observer(ENGINE, [slack_notifier], each=1), "each takes True or False, not 1"),  # type: ignore[arg-type]  # as in code without types
    (lambda: Observer(ENGINE, [slack_notifier], summary="no"), "summary takes True or False, not 'no'"),  # type: ignore[arg-type]  # as above
    (lambda: Observer(ENGINE, [slack_notifier], no_end_after=60), "write no_end_after=timedelta(hours=2)"),  # type: ignore[arg-type]  # as above
    (lambda: Observer(ENGINE, [slack_notifier], no_end_after=timedelta(0)), "no_end_after takes a duration"),
    (lambda: Observer(ENGINE, ([slack_notifier],)), "one by one, not in a list"),  # type: ignore[arg-type]  # as above
    (lambda: Observer(ENGINE, slack_notifier), "write state_handlers=[slack_notifier]"),  # type: ignore[arg-type]  # as above
]


@pytest.mark.parametrize(("make", "why"), WRONG, ids=[why for _, why in WRONG])
def test_a_wrong_option_is_refused_in_one_line(make: Callable[[], object], why: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
