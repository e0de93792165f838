"""``Outbox``: a message is committed first, sent once, and gets a final outcome, whatever fails in between."""

import asyncio
import json
import logging
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from returns.io import IOResult

from tocsin import Failed, Flow, Recording, Running, State, Success, Task, flush, interpreting, slack_notifier
from tocsin.cli.report_view import as_json
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack
from tocsin.core.outbox.model import GONE, Status
from tocsin.core.outbox.state_machine import POLICY, RetryAsked
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)
from tocsin.interpreters import Background, Digest, Interpreter, Live, Outbox, OutboxError
from tocsin.shell.environment import NAME
from tocsin.shell.interpreter import execute, result_of
from tocsin.shell.interpreters import outbox as outboxes
from tocsin.shell.outbox import background_worker, client
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store
from tocsin.shell.reliable import reliable

pytestmark = pytest.mark.tocsin_live
QUEUED = Queued("the outbox")
TIMEOUT = 20.0
NEVER = threading.Event()


def message(name: str = "load", webhook: str = "SLACK_WEBHOOK_URL") -> Message:
    with interpreting(Recording()) as recording:
        slack_notifier(Task(name), Running(), Failed("disk full"), webhook_secret=webhook)
    effect = recording.effects[0]
    assert isinstance(effect, PostToSlack)
    return effect


@attrs.define(eq=False)
class Sender:
    """Keeps what it is given; returns the prepared answers, then ``Delivered``."""

    answers: list[Outcome] = attrs.field(factory=list[Outcome])
    came: list[Effect] = attrs.field(factory=list[Effect])
    arrived: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    before: Callable[[], object] = attrs.field(default=bool)

    notify = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.before()
        self.came.append(effect)
        self.arrived.release()
        return result_of(self.answers.pop(0) if self.answers else Delivered())

    def wait(self, count: int = 1) -> None:
        """Wait for so many more effects."""
        for _ in range(count):
            assert self.arrived.acquire(timeout=TIMEOUT)


class Ending:
    """Takes the final outcome of a message."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._settled = threading.Event()

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._settled.set()

    @property
    def outcome(self) -> Outcome:
        """The final outcome; reading it waits for it."""
        assert self._settled.wait(TIMEOUT)
        (only,) = self.outcomes
        return only


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of an outbox that does not exist yet."""
    return f"sqlite:///{tmp_path}/outbox.sqlite"


@attrs.frozen
class Maker:
    """Makes outboxes, at one URL by default; the fixture closes them."""

    url: str
    made: list[Outbox] = attrs.field(factory=list[Outbox])

    def __call__(
        self, inner: Interpreter, url: str | None = None, *, policy: RetryPolicy = POLICY, most: int = 10, apart: float = 10.0
    ) -> Outbox:
        self.made.append(Outbox(inner, url or self.url, policy=policy, threshold=most, min_interval=apart))
        return self.made[-1]


@pytest.fixture
def make(url: str) -> Iterator[Maker]:
    """Return a maker, whose outboxes are closed at the end."""
    maker = Maker(url)
    yield maker
    for outbox in maker.made:
        outbox.close()


def rows(url: str) -> dict[str, Status]:
    """Return the status of each message."""
    with closing(Store(url)) as store:
        return {row.key: row.status for row in store.rows(limit=10_000)}


def test_a_message_is_stored_and_sent(url: str, make: Maker) -> None:
    sender, ending = Sender(), Ending()
    assert make(sender).submit(message(), ending) == QUEUED
    assert ending.outcome == Delivered()
    assert len(sender.came) == 1
    assert list(rows(url).values()) == [Status.DELIVERED]


def test_it_is_committed_before_it_is_tried_and_leased_meanwhile(url: str, make: Maker) -> None:
    seen: list[Status] = []
    sender, ending = Sender(before=lambda: seen.extend(rows(url).values())), Ending()
    make(sender).submit(message(), ending)
    assert ending.outcome == Delivered()
    assert seen == [Status.LEASED]


def test_the_key_stands_in_the_message(url: str, make: Maker) -> None:
    sender = Sender()
    make(sender)(message())
    sender.wait()
    (sent,) = sender.came
    assert isinstance(sent, PostToSlack)
    assert sent.payload.footer == f"key {next(iter(rows(url)))}"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Rejected("no_text"), Status.DEAD),
        (DestinationDead("no_service"), Status.DEAD),
    ],
)
def test_a_failure_is_logged_and_stays(
    url: str, make: Maker, answer: Outcome, status: Status, caplog: pytest.LogCaptureFixture
) -> None:
    ending = Ending()
    make(Sender([answer])).submit(message(), ending)
    assert ending.outcome == answer
    assert list(rows(url).values()) == [status]
    assert isinstance(answer, DeliveryError)
    assert answer.reason in caplog.text


@pytest.mark.parametrize(("told", "status"), [(Failed("disk full"), Status.DELAYED), (Success(), Status.UNKNOWN)])
def test_a_message_without_an_answer_is_repeated_half_a_minute_later_if_it_is_of_a_failure(
    url: str, make: Maker, told: State, status: Status, caplog: pytest.LogCaptureFixture
) -> None:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), told)
    sender, repeated = Sender([Ambiguous("timed out")]), status is Status.DELAYED
    make(sender)(recording.effects[0])
    sender.wait()
    assert any(status in rows(url).values() or NEVER.wait(0.01) for _ in range(2000))
    with closing(Store(url)) as store:
        (row,) = store.rows()
        assert (row.status, row.repeated, row.reason) == (status, repeated, "timed out")
        if repeated:
            assert row.due - store.now() > 20.0
            store.advance([(row.key, RetryAsked(store.now()))])  # the half-minute is over
            make(sender).attend()
            sender.wait()
            again = sender.came[1]
            assert isinstance(again, PostToSlack)
            assert again.payload.fallback == "Possibly repeated: load failed: disk full"
    assert caplog.text.count("timed out") == 1


def test_a_delayed_message_is_logged_and_retried(url: str, make: Maker, caplog: pytest.LogCaptureFixture) -> None:
    sender, ending = Sender([Retryable("busy"), Retryable("busy")]), Ending()
    outbox = make(sender, policy=RetryPolicy(initial_delay=0.05, max_delay=0.1))
    outbox.submit(message(), ending)
    assert ending.outcome == Delivered()
    assert len(sender.came) == 3
    assert caplog.text.count("the outbox goes on trying") == 1


def test_a_delayed_message_does_not_delay_the_exit(url: str, make: Maker, caplog: pytest.LogCaptureFixture) -> None:
    sender = Sender([Retryable("busy")])
    make(sender)(message())
    sender.wait()
    assert any(Status.DELAYED in rows(url).values() or NEVER.wait(0.01) for _ in range(2000))
    began = time.monotonic()
    assert not flush(5.0)
    assert time.monotonic() - began < 4.0
    assert f"1 message waits in the outbox at {url.removeprefix('sqlite:///')}: " in caplog.text


def test_what_an_earlier_process_left_is_sent(url: str) -> None:
    with closing(Store(url)) as store:
        store.put([new_row(message("old"), store.now())])
    sender = Sender()
    outbox = reliable(sender, outbox=url)
    assert isinstance(outbox, Outbox)
    sender.wait()
    outbox.close()


def test_an_outbox_that_is_not_there_is_not_made_by_looking(url: str, make: Maker, tmp_path: Path) -> None:
    make(Sender()).attend()
    assert not list(tmp_path.iterdir())


def moved(url: str) -> None:
    """Move the file of the outbox, with its journal, and do nothing if it is not there."""
    for found in Path(url.removeprefix("sqlite:///")).parent.glob("outbox.sqlite*"):
        found.rename(found.with_name(found.name.replace("outbox", "moved")))


def test_what_was_sent_while_the_file_was_moved_is_delivered(url: str, make: Maker) -> None:
    ending = Ending()
    outbox = make(Sender(before=lambda: moved(url)), url)
    outbox.submit(message(), ending)
    assert ending.outcome == Delivered()
    assert flush(TIMEOUT)


def test_what_was_sent_while_the_outbox_could_not_be_written_is_delivered(url: str, tmp_path: Path) -> None:
    def lose() -> None:
        moved(url)
        (tmp_path / "outbox.sqlite").write_text("this is no database, and never was one" * 100)

    ending = Ending()
    with closing(Outbox(Sender(before=lose), url, lease=1.0)) as outbox:
        outbox.submit(message(), ending)
        assert ending.outcome == Delivered()


def test_what_is_in_a_file_that_was_moved_is_not_waited_for(url: str, make: Maker, tmp_path: Path) -> None:
    """The first message is being sent meanwhile, the second waits for it, and the third waits for its next try."""
    begun, done = threading.Event(), threading.Event()
    first, second, third = Ending(), Ending(), Ending()
    sender = Sender([Retryable("busy")])
    outbox = make(sender, url)
    outbox.submit(message("third"), third)
    with closing(Store(url)) as store:
        assert any(store.rows()[0].status is Status.DELAYED or NEVER.wait(0.01) for _ in range(2000))

    def hold() -> None:
        begun.set()
        done.wait(TIMEOUT)

    sender.before = hold
    outbox.submit(message("first"), first)
    assert begun.wait(TIMEOUT)
    outbox.submit(message("second"), second)
    moved(url)
    (tmp_path / "outbox.sqlite").touch()
    assert not flush(0.05)
    assert (first.outcomes, second.outcomes, third.outcomes) == ([], [GONE], [GONE])
    done.set()
    assert flush(TIMEOUT)
    assert first.outcome == Delivered()


def test_what_is_in_a_file_that_was_removed_is_not_waited_for(url: str, make: Maker) -> None:
    begun, done, first, second = threading.Event(), threading.Event(), Ending(), Ending()

    def hold() -> None:
        begun.set()
        done.wait(TIMEOUT)

    outbox = make(Sender(before=hold), url)
    outbox.submit(message("first"), first)
    assert begun.wait(TIMEOUT)
    outbox.submit(message("second"), second)
    for found in Path(outbox.place).parent.glob("outbox.sqlite*"):
        found.unlink()
    done.set()
    began = time.monotonic()
    assert flush(TIMEOUT)
    assert time.monotonic() - began < 4
    assert (first.outcome, second.outcome) == (Delivered(), GONE)


def test_the_same_announcement_is_one_message(url: str, make: Maker) -> None:
    sender, endings, same = Sender(), (Ending(), Ending()), message()
    outbox = make(sender)
    for ending in endings:
        assert outbox.submit(same, ending) == QUEUED
    assert flush()
    assert [ending.outcome for ending in endings] == [Delivered(), Delivered()]
    assert len(sender.came) == 1


def test_a_report_says_that_a_message_is_in_the_outbox_until_it_is_sent(url: str) -> None:
    opened = threading.Event()
    sender = Sender(before=lambda: opened.wait(TIMEOUT))
    outbox = reliable(sender, outbox=url)
    assert isinstance(outbox, Outbox)
    report = Flow("idle", state_handlers=[slack_notifier(only_states=[Success])]).run(interpreter=outbox)
    assert [delivery.outcome for delivery in report.deliveries] == [QUEUED]
    assert report.explain().endswith(": queued in the outbox")
    (delivery,) = json.loads(as_json(report))["deliveries"]
    assert delivery.items() >= {"kind": "slack", "about": "idle", "outcome": "queued", "reason": "the outbox"}.items()
    assert list(rows(url).values()) in ([Status.PENDING], [Status.LEASED])
    opened.set()
    assert [delivery.outcome for delivery in report.wait(TIMEOUT).deliveries] == [Delivered()]
    assert report.explain().endswith(": delivered")
    outbox.close()


def test_a_report_says_where_a_message_is_that_the_outbox_could_not_take(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    opened = threading.Event()
    sender = Sender(before=lambda: opened.wait(TIMEOUT))
    outbox = reliable(sender, outbox=f"sqlite:///{tmp_path}/file/outbox.sqlite")
    assert isinstance(outbox, Outbox)
    report = Flow("idle", state_handlers=[slack_notifier(only_states=[Success])]).run(interpreter=outbox)
    assert report.explain().endswith(": queued in a background thread")
    opened.set()
    assert [delivery.outcome for delivery in report.wait(TIMEOUT).deliveries] == [Delivered()]
    outbox.close()


def test_many_are_folded_and_each_gets_its_outcome(url: str, make: Maker) -> None:
    opened = threading.Event()
    sender = Sender(before=lambda: opened.wait(TIMEOUT))
    outbox, endings = make(sender, apart=0.0), [Ending() for _ in range(13)]
    for number, ending in enumerate(endings):
        outbox.submit(message(f"load {number}"), ending)
        if not number:
            assert any(Status.LEASED in rows(url).values() or NEVER.wait(0.01) for _ in range(2000))
    opened.set()
    outcomes = [ending.outcome for ending in endings]
    assert len(sender.came) == 2
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert {isinstance(outcome, Delivered) and outcome.in_digest for outcome in outcomes} == {None, sender.came[1].key}


def test_a_batch_is_one_commit(url: str, make: Maker) -> None:
    sender = Sender()
    outbox = make(sender, most=1000)
    assert list(outbox.batch([message(f"load {number}") for number in range(20)])) == [QUEUED] * 20
    assert flush()
    assert len(sender.came) == 20


def test_a_call_is_made_at_once(url: str, make: Maker, tmp_path: Path) -> None:
    called: list[str] = []
    outbox = make(Live())
    call = CallBack(lambda task, state: called.append(task.name), Task("load"), Failed(), message().key)
    assert execute(outbox, call) == Delivered()
    assert list(outbox.batch([call])) == [Delivered()]
    assert called == ["load", "load"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("asked", ["print", "none"])
def test_nothing_is_kept_of_a_dry_run(url: str, make: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str) -> None:
    outcome = Shown() if asked == "print" else Withheld("TOCSIN_NOTIFY=none says so")
    sender, recording = Sender(), Recording()
    outbox, recorder = make(sender), make(recording)
    monkeypatch.setenv(NAME, asked)
    assert execute(outbox, message()) == outcome
    assert list(outbox.batch([message()])) == [outcome]
    assert sender.came == []
    assert execute(recorder, message()) == Queued("a background thread")  # as if no variable asked: a recording sends nothing
    assert flush()
    assert len(recording.effects) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_drained_during_a_dry_run(url: str, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store(url)) as store:
        store.put([new_row(message(), store.now())])
    monkeypatch.setenv(NAME, "none")
    sender = Sender()
    make(sender).attend()
    assert not sender.arrived.acquire(timeout=0.3)
    assert list(rows(url).values()) == [Status.PENDING]


def test_an_outbox_that_cannot_be_written_is_logged_once_and_bypassed(
    make: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    sender, ending = Sender(), Ending()
    outbox = make(sender, url=f"sqlite:///{tmp_path}/file/outbox.sqlite")
    assert outbox.submit(message(), ending) == Queued("a background thread")
    assert [type(outcome) for outcome in outbox.batch([message(), message()])] == [Queued, Queued]
    assert ending.outcome == Delivered()
    assert flush()
    assert len(sender.came) == 3
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert "messages are sent without it" in line


class Raising(logging.Handler):
    """A user's handler that raises."""

    def emit(self, record: logging.LogRecord) -> None:
        raise LookupError("no such log")


def test_a_logging_handler_that_raises_loses_no_message(make: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sender, ending, handler = Sender(), Ending(), Raising()
    outbox = make(sender, url=f"sqlite:///{tmp_path}/file/outbox.sqlite")
    logging.getLogger("tocsin").addHandler(handler)
    try:
        assert outbox.submit(message(), ending) == Queued("a background thread")
    finally:
        logging.getLogger("tocsin").removeHandler(handler)
    assert ending.outcome == Delivered()


def test_it_is_logged_again_when_it_fails_again(
    make: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_ERROR_PAUSE", 0.0)
    monkeypatch.setattr(background_worker, "_INTERVAL_ERROR", 0.02)
    sender, folder = Sender(), tmp_path / "folder"
    outbox = make(sender, f"sqlite:///{folder}/outbox.sqlite")
    for number in range(2):
        folder.touch()
        assert execute(outbox, message()) == execute(outbox, message()) == Queued("a background thread")
        folder.unlink()
        assert execute(outbox, message()) == QUEUED
        assert flush()
        assert caplog.text.count("messages are sent without it") == number + 1
        shutil.rmtree(folder)


def test_a_signal_handler_that_notifies_during_a_commit_does_not_wait(make: Maker, url: str) -> None:
    sender = Sender()
    outbox = make(sender)
    execute(outbox, message())
    store = outbox._client._store
    outcome = store._writer.do(lambda _: execute(outbox, message()))
    assert outcome == Queued("a background thread")
    assert execute(outbox, message()) == QUEUED
    assert flush()
    assert len(sender.came) == 3


def test_what_is_put_in_after_it_was_closed_waits_for_others(make: Maker, url: str) -> None:
    outbox = make(Sender())
    outbox.close()
    assert execute(outbox, message()) == QUEUED
    assert flush()
    assert list(rows(url).values()) == [Status.PENDING]


def test_what_is_being_sent_at_the_end_is_waited_for(make: Maker, url: str) -> None:
    with closing(Store(url)) as store:
        store.put([new_row(message(), store.now())])
    began = threading.Event()

    def slowly() -> None:
        began.set()
        time.sleep(2.5)

    outbox = make(Sender(before=slowly))
    outbox.attend()
    assert began.wait(TIMEOUT)
    outbox.close()
    assert list(rows(url).values()) == [Status.DELIVERED]


def test_where_no_thread_can_be_had_an_event_loop_waits(make: Maker, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = make(Sender())

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def submit() -> Outcome:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        try:
            return outbox.submit(message(), Ending())
        finally:
            monkeypatch.undo()

    assert asyncio.run(submit()) == QUEUED
    assert list(rows(url).values()) == [Status.PENDING]


def test_an_event_loop_waits_for_a_commit(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "_LOOP_COMMIT_TIMEOUT", TIMEOUT)  # a commit may take longer on a busy machine
    outbox, ending = make(Sender()), Ending()

    async def submit() -> Outcome:
        return outbox.submit(message(), ending)

    assert asyncio.run(submit()) == QUEUED
    assert ending.outcome == Delivered()


def test_an_event_loop_does_not_wait_for_a_slow_one(url: str, make: Maker, tmp_path: Path) -> None:
    with closing(Store(url)) as store:
        store.put([])
    outbox, ending = make(Sender()), Ending()

    async def submit() -> Outcome:
        return outbox.submit(message(), ending)

    with closing(sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert asyncio.run(submit()) == Queued("memory, on its way to the outbox")
        holder.execute("ROLLBACK")
    assert ending.outcome == Delivered()


def test_the_report_of_a_run_has_the_final_outcomes(make: Maker) -> None:
    report = Flow("idle", state_handlers=[slack_notifier]).run(interpreter=make(Sender())).wait(TIMEOUT)
    assert [delivery.outcome for delivery in report.deliveries] == [Delivered(), Delivered()]


def test_what_a_sender_withholds_is_over(make: Maker, url: str) -> None:
    ending = Ending()
    make(Recording()).submit(message(), ending)
    assert ending.outcome == Withheld("recorded")
    assert list(rows(url).values()) == [Status.DELIVERED]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_keeps_its_own(url: str, make: Maker) -> None:
    sender = Sender()
    outbox = make(sender)
    outbox(message("of the parent"))
    sender.wait()
    child = os.fork()
    if not child:  # pragma: no cover - coverage does not measure the child
        status = 1
        try:
            outcome = execute(outbox, message("of the child"))
            status = 0 if outcome == QUEUED else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(rows(url)) == 2


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        (lambda: Outbox(Recording(), threshold=0), "threshold"),
        (lambda: Outbox(Recording(), min_interval=-1.0), "min_interval"),
        (lambda: Outbox(Recording(), lease=0.0), "lease"),
        (lambda: Outbox(Recording(), exit_timeout=-1.0), "exit_timeout"),
        (lambda: Outbox(Recording(), policy=3), "policy is a RetryPolicy"),  # type: ignore[arg-type]  # what is refused
        (lambda: Outbox(Recording(), "mysql://host/name"), "postgresql"),
        (lambda: reliable(Recording(), outbox="mysql://host/name"), "postgresql"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(compose: Callable[[], object], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        compose()


def test_what_folds_or_queues_itself_is_refused_inside(make: Maker) -> None:
    for wrong in (Digest(Recording()), Background(Recording())):
        with pytest.raises(TypeError, match=type(wrong).__name__):
            make(wrong)


def test_it_does_not_pickle(make: Maker) -> None:
    with pytest.raises(TypeError, match="build one where it is needed"):
        pickle.dumps(make(Recording()))


def test_it_says_where_it_is(make: Maker, tmp_path: Path) -> None:
    outbox = make(Recording())
    assert str(tmp_path / "outbox.sqlite") in outbox.place
    assert outbox.notify == "none"


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has its outbox in the folder."""
    env = {name: value for name, value in os.environ.items() if name != NAME}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**env, "TOCSIN_STATE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BLOCKED = """
import sys
sys.modules["sqlalchemy"] = None
from tocsin import Recording, reliable
print(type(reliable(Recording())).__name__)
reliable(Recording(), outbox=True)
"""


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    done = run(BLOCKED, tmp_path, TOCSIN_DELIVERY_OUTBOX="true")
    assert done.stdout == "Background\n"
    lines = done.stderr.splitlines()
    assert "though delivery.outbox is set" in lines[0]
    assert "pip install 'tocsin[outbox]'" in lines[0]
    assert "pip install 'tocsin[outbox]'" in lines[-1]


CONFIGURED = """
import sys
from tocsin import Recording, reliable
made = reliable(Recording())
print(type(made).__name__, getattr(made, "place", ""))
"""


def test_the_configuration_asks_for_one(tmp_path: Path) -> None:
    done = run(CONFIGURED, tmp_path, TOCSIN_DELIVERY_OUTBOX="true")
    assert done.stdout.split(maxsplit=1) == ["Outbox", f"{tmp_path}/outbox.sqlite\n"]
    assert not done.stderr


def test_a_url_that_is_not_found_is_logged_and_bypassed(tmp_path: Path) -> None:
    done = run(CONFIGURED, tmp_path, TOCSIN_DELIVERY_OUTBOX="true", TOCSIN_DELIVERY_OUTBOX_SECRET="OUTBOX_URL")
    assert done.stdout.strip() == "Background"
    assert "OUTBOX_URL" in done.stderr
    given = run(
        CONFIGURED,
        tmp_path,
        TOCSIN_DELIVERY_OUTBOX="true",
        TOCSIN_DELIVERY_OUTBOX_SECRET="OUTBOX_URL",
        OUTBOX_URL=f"sqlite:///{tmp_path}/other.sqlite",
    )
    assert "other.sqlite" in given.stdout


LIGHT = """
import sys
import tocsin.interpreters
tocsin.reliable(tocsin.Recording())
heavy = {"sqlalchemy", "cattrs", "psycopg"} & set(sys.modules)
assert not heavy, heavy
"""


def test_other_programs_do_not_load_it(tmp_path: Path) -> None:
    done = run(LIGHT, tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_outbox_error_is_a_value_error() -> None:
    assert issubclass(OutboxError, ValueError)
