"""Draining: each row is sent once, whatever fails between a claim and the note of its answer, and no row stops another."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from returns.io import IOResult

from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Effect, Message, PostToSlack
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import Answered, Claimed
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Receipt, Rejected, Retryable
from tocsin.shell.interpreters.base import result_of
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import RETENTION, Worker

PATIENCE = 20.0


def message(name: str = "load", webhook: str = "TEAM") -> PostToSlack:
    with interpreting(Recording()) as recording:
        slack_notifier(Task(name), Running(), Failed("disk full"), webhook_secret=webhook)
    effect = recording.effects[0]
    assert isinstance(effect, PostToSlack)
    return effect


def nothing() -> None:
    """Do nothing."""


@attrs.define(eq=False)
class Sender:
    """Notes what came, and answers what it is told to, then that it was delivered. ``during`` is called while it sends."""

    answers: list[Outcome] = attrs.field(factory=list[Outcome])
    during: Callable[[], object] = nothing
    came: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.came.append(effect)
        self.during()
        return result_of(self.answers.pop(0) if self.answers else Delivered())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the outbox is."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """An outbox that waits for nobody."""
    with closing(Store(f"sqlite:///{file}", busy=0.05)) as store:
        yield store


def put(store: Store, *messages: Message) -> list[str]:
    rows = [new_row(message, store.now()) for message in messages]
    assert all(store.put(rows))
    return [row.key for row in rows]


def statuses(store: Store) -> list[Status]:
    return [row.status for row in store.rows()]


class Holder:
    """Somebody who holds the file for a while, so that nobody else can write."""

    def __init__(self, file: Path) -> None:
        self._held = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    def hold(self, seconds: float) -> None:
        """Hold it for so long from now on."""
        self._held.execute("BEGIN IMMEDIATE")
        threading.Timer(seconds, self.release).start()

    def release(self) -> None:
        """Let it go, for good."""
        self._held.execute("ROLLBACK")
        self._held.close()


def test_all_that_is_due_is_sent_once(store: Store) -> None:
    put(store, message("a"), message("b", "OTHER"))
    sender = Sender()
    drainer = Worker(store, sender)
    assert drainer.turn()
    assert not drainer.turn()
    assert len(sender.came) == 2
    assert statuses(store) == [Status.DELIVERED] * 2


def test_a_slow_destination_holds_up_no_other(store: Store) -> None:
    put(store, message("a", "SLOW"), message("b", "QUICK"))
    met = threading.Barrier(2, timeout=PATIENCE)
    assert Worker(store, Sender(during=met.wait)).turn()
    assert statuses(store) == [Status.DELIVERED] * 2


def test_an_answer_waits_until_the_database_takes_it(store: Store, file: Path) -> None:
    put(store, message())
    holder = Holder(file)
    sender = Sender(during=lambda: holder.hold(0.8))
    Worker(store, sender).turn()
    assert statuses(store) == [Status.DELIVERED]
    assert len(sender.came) == 1


def test_an_answer_that_could_not_be_noted_comes_before_anything_else(store: Store, file: Path) -> None:
    put(store, message("a"), message("b"))
    holder = Holder(file)
    sender = Sender()
    sender.during = lambda: holder.hold(2.0) if len(sender.came) == 1 else None
    drainer = Worker(store, sender, lease=1.0)
    with pytest.raises(OutboxError):
        drainer.turn()
    until = time.monotonic() + PATIENCE
    while Status.LEASED in statuses(store) or Status.PENDING in statuses(store):
        assert time.monotonic() < until
        try:
            drainer.turn()
        except OutboxError:
            time.sleep(0.05)
    assert statuses(store) == [Status.DELIVERED] * 2
    assert len(sender.came) == 2


def test_a_row_that_holds_no_message_is_kept_and_stops_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    good = new_row(message(), store.now())
    bad = attrs.evolve(good, key="run.bad..0.0", body="{")
    store.put([bad, good])
    sender = Sender()
    Worker(store, sender).turn()
    kept, sent = store.rows()
    assert (kept.status, sent.status) == (Status.DEAD, Status.DELIVERED)
    assert kept.body == "{"
    assert kept.reason is not None
    assert kept.reason in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_what_there_is_no_time_for_is_released_and_sent_later(store: Store) -> None:
    put(store, message("a"), message("b"), message("c"))
    sender = Sender(during=lambda: time.sleep(0.3))
    Worker(store, sender, lease=1.0).turn()
    assert statuses(store) == [Status.DELIVERED] * 3
    assert len(sender.came) == 3
    assert [row.attempts for row in store.rows()] == [1, 1, 1]
    assert not any(row.repeated for row in store.rows())


def test_who_is_stopped_ends_what_is_sent_and_releases_the_rest(store: Store) -> None:
    put(store, message("a"), message("b"))
    sender = Sender()
    drainer = Worker(store, sender)
    sender.during = drainer.stop
    assert drainer.turn()
    assert statuses(store) == [Status.DELIVERED, Status.PENDING]
    assert store.rows()[1].attempts == 0
    assert not drainer.turn()


@pytest.mark.parametrize("answer", [Retryable("busy"), Rejected("TEAM is not set", secret="TEAM")])
def test_a_destination_rests_after_an_answer_that_puts_off(store: Store, answer: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    put(store, message("a"), message("b"))
    sender = Sender([answer])
    assert Worker(store, sender, policy=RetryPolicy(initial_delay=5.0)).turn()
    assert len(sender.came) == 1
    first, second = store.rows()
    assert (first.status, second.status) == (Status.DELAYED, Status.DELAYED)
    assert (first.attempts, second.attempts) == (1, 0)
    assert second.due < first.due
    assert "the outbox goes on trying" in caplog.text


def test_what_was_folded_shares_an_outcome(store: Store) -> None:
    put(store, *(message(f"load {number}") for number in range(12)))
    seen: list[tuple[str | None, int]] = []
    sender = Sender()
    drainer = Worker(store, sender, min_interval=0.0, on_batch=lambda parcel, _, rows: seen.append((parcel.digest, len(rows))))
    drainer.turn()
    assert len(sender.came) == 1
    ((digest, count),) = seen
    assert count == 12
    assert {row.digest for row in store.rows()} == {digest}


def test_what_was_begun_too_late_is_not_sent(file: Path) -> None:
    with closing(Store(f"sqlite:///{file}", busy=5.0)) as store:
        put(store, message("a"), message("b"))
        holders = [Holder(file)]
        sender = Sender()
        drainer = Worker(store, sender, lease=1.0, on_batch=lambda *_: holders.pop().hold(0.7) if holders else None)
        assert drainer.turn()
        assert statuses(store) == [Status.DELIVERED] * 2
        assert len(sender.came) == 2
        assert not any(row.repeated for row in store.rows())


def test_where_no_thread_can_be_had_nothing_is_claimed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, message())

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert not Worker(store, Sender()).turn()
    assert statuses(store) == [Status.PENDING]


def test_whatever_goes_wrong_is_said_and_comes_back(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    put(store, message())

    def fail(*_: object) -> None:
        raise KeyError("oops")

    assert Worker(store, Sender(), on_batch=fail).turn()
    assert "tocsin: the outbox could not be drained: KeyError: 'oops'" in caplog.text
    assert statuses(store) == [Status.DELIVERED]


def test_a_destination_rests_for_as_long_as_it_asks(store: Store) -> None:
    put(store, message("a"), message("b"))
    began = store.now()
    Worker(store, Sender([Retryable("busy", timedelta(hours=1))])).turn()
    assert all(row.due >= began + 3600.0 for row in store.rows())


def test_what_was_delivered_long_ago_is_removed_and_nothing_else(store: Store) -> None:
    long_ago = store.now() - RETENTION - 60.0
    for name, outcome in (("sent", Delivered()), ("dead", Rejected("no_text"))):
        row = new_row(message(name), long_ago)
        store.put([row])
        claimed, answered = Claimed(long_ago, "worker", long_ago + 60.0), Answered(long_ago, "worker", outcome, 0.0)
        assert all(isinstance(after, Row) for after in store.advance([(row.key, claimed), (row.key, answered)]))
    put(store, message("new"))
    Worker(store, Sender()).turn()
    assert statuses(store) == [Status.DEAD, Status.DELIVERED]


def test_it_is_told_when_a_clock_was_set_forward(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, message("a"), message("b"))
    ahead = 0.0
    tell = time.time
    monkeypatch.setattr(time, "time", lambda: tell() + ahead)
    sender = Sender()

    def set_forward() -> None:
        nonlocal ahead
        ahead = 3600.0 * len(sender.came)

    sender.during = set_forward
    Worker(store, sender).turn()
    assert statuses(store) == [Status.DELIVERED] * 2
    assert len(sender.came) == 2
