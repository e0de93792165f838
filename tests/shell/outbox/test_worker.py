"""The worker sends each row once, whatever fails between the claim and the record of the answer, and no row blocks another."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from returns.io import IOResult
from typing_extensions import override

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tocsin import Failed, Recording, Running, Task, gmail_notifier, interpreting, slack_notifier
from tocsin.core.attachments import Attachment
from tocsin.core.delivery.rendering import attachments_of, with_attachments
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Effect, Message, PostToSlack
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import Claimed, OutcomeKnown, RetryAsked
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Receipt, Rejected, Retryable
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import result_of
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.shell.outbox.codec import new_row
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
    """Records the effects and gives the listed answers, then ``Delivered``. It calls ``during`` while it sends."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    answers: list[Outcome] = attrs.field(factory=list[Outcome])
    during: Callable[[], object] = nothing
    effects: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.effects.append(effect)
        self.during()
        return result_of(self.answers.pop(0) if self.answers else Delivered())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of the outbox."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    """An outbox that waits 0.05 seconds for other processes."""
    with closing(Store(f"sqlite:///{file}", busy=0.05)) as store:
        yield store


def put(store: Store, *messages: Message) -> list[str]:
    rows = [new_row(message, store.now()) for message in messages]
    assert all(store.put(rows))
    return [row.key for row in rows]


def statuses(store: Store) -> list[Status]:
    return [row.status for row in store.rows()]


class FileLock:
    """Locks the file for some time, so that no other connection can write."""

    def __init__(self, file: Path) -> None:
        self._held = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    def lock_for(self, seconds: float) -> None:
        """Lock the file for these seconds, from now on."""
        self._held.execute("BEGIN IMMEDIATE")
        threading.Timer(seconds, self.release).start()

    def release(self) -> None:
        """Unlock the file and close the connection."""
        self._held.execute("ROLLBACK")
        self._held.close()


def test_all_that_is_due_is_sent_once(store: Store) -> None:
    put(store, message("a"), message("b", "OTHER"))
    sender = Sender()
    worker = Worker(store, sender)
    assert worker.turn()
    assert not worker.turn()
    assert len(sender.effects) == 2
    assert statuses(store) == [Status.DELIVERED] * 2


def with_file(made: PostToSlack, content: bytes = bytes(range(256))) -> PostToSlack:
    """Return the message with a file."""
    changed = with_attachments(made, (Attachment("loss.png", content, "image/png"),))
    assert isinstance(changed, PostToSlack)
    return changed


def test_a_message_is_sent_with_its_files_which_no_list_reads(store: Store) -> None:
    sent = [with_file(message("a")), message("b"), with_file(message("c"), b"")]
    keys = put(store, *sent)
    assert [row.files for row in store.rows()] == [row.files for row in store.find(keys)] == [None] * 3
    assert store.files(keys[0]) is not None
    sender = Sender()
    assert Worker(store, sender).turn()
    assert [attachments_of(one) for one in sender.effects if isinstance(one, PostToSlack)] == [one.attachments for one in sent]
    assert statuses(store) == [Status.DELIVERED] * 3
    assert [store.files(key) for key in (*keys, "none", "\0")] == [None] * 5


def test_files_stay_until_their_message_is_delivered(store: Store) -> None:
    (key,) = put(store, with_file(message()))
    sender = Sender([Rejected("no"), Delivered()])
    Worker(store, sender).turn()
    assert statuses(store) == [Status.DEAD]
    store.advance([(key, RetryAsked(store.now()))])
    Worker(store, sender).turn()
    assert [attachments_of(one) == with_file(message()).attachments for one in sender.effects if isinstance(one, PostToSlack)] == [
        True
    ] * 2
    assert store.files(key) is None


def test_a_digest_reads_no_files(store: Store) -> None:
    put(store, *(with_file(message(str(number))) for number in range(12)))
    sender = Sender()
    Worker(store, sender, min_interval=0.0).turn()
    (digest,) = sender.effects
    assert isinstance(digest, PostToSlack)
    assert digest.attachments == ()
    assert "12 files, which a digest does not carry: loss.png (256 bytes), 12 times" in digest.payload.to_json()


def test_damaged_files_are_a_line_and_the_message_goes_without_them(store: Store, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(store, with_file(message()))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE messages SET files = ?", (b"\0\0\0\0\0\0\0\x09abc",))
    sender = Sender()
    Worker(store, sender).turn()
    (sent,) = sender.effects
    assert isinstance(sent, PostToSlack)
    assert [each.is_here for each in sent.attachments] == [False]
    assert "are not sent: the bytes of its attachments end too early, after 11" in caplog.text
    assert statuses(store) == [Status.DELIVERED]


def test_ten_megabytes_are_sent(store: Store) -> None:
    content = bytes(range(256)) * 39_062
    (key,) = put(store, with_file(message(), content))
    (row,) = store.rows()
    assert len(row.body) < 3_000
    sender = Sender()
    Worker(store, sender).turn()
    (sent,) = sender.effects
    assert isinstance(sent, PostToSlack)
    assert sent.attachments[0].content == content
    assert store.files(key) is None


def test_a_slow_destination_holds_up_no_other(store: Store) -> None:
    put(store, message("a", "SLOW"), message("b", "QUICK"))
    met = threading.Barrier(2, timeout=PATIENCE)
    assert Worker(store, Sender(during=met.wait)).turn()
    assert statuses(store) == [Status.DELIVERED] * 2


def test_an_answer_waits_until_the_database_takes_it(store: Store, file: Path) -> None:
    put(store, message())
    lock = FileLock(file)
    sender = Sender(during=lambda: lock.lock_for(0.8))
    Worker(store, sender).turn()
    assert statuses(store) == [Status.DELIVERED]
    assert len(sender.effects) == 1


def test_an_answer_that_could_not_be_recorded_comes_before_anything_else(store: Store, file: Path) -> None:
    put(store, message("a"), message("b"))
    lock = FileLock(file)
    sender = Sender()
    sender.during = lambda: lock.lock_for(2.0) if len(sender.effects) == 1 else None
    worker = Worker(store, sender, lease=1.0)
    with pytest.raises(OutboxError):
        worker.turn()
    until = time.monotonic() + PATIENCE
    while Status.LEASED in statuses(store) or Status.PENDING in statuses(store):
        assert time.monotonic() < until
        try:
            worker.turn()
        except OutboxError:
            time.sleep(0.05)
    assert statuses(store) == [Status.DELIVERED] * 2
    assert len(sender.effects) == 2


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


def test_rows_without_time_left_are_released_and_sent_later(store: Store) -> None:
    put(store, message("a"), message("b"), message("c"))
    sender = Sender(during=lambda: time.sleep(0.3))
    Worker(store, sender, lease=1.0).turn()
    assert statuses(store) == [Status.DELIVERED] * 3
    assert len(sender.effects) == 3
    assert [row.attempts for row in store.rows()] == [1, 1, 1]
    assert not any(row.repeated for row in store.rows())


def test_a_stopped_worker_finishes_one_row_and_releases_the_rest(store: Store) -> None:
    put(store, message("a"), message("b"))
    sender = Sender()
    worker = Worker(store, sender)
    sender.during = worker.stop
    assert worker.turn()
    assert statuses(store) == [Status.DELIVERED, Status.PENDING]
    assert store.rows()[1].attempts == 0
    assert not worker.turn()


@pytest.mark.parametrize("answer", [Retryable("busy"), Rejected("TEAM is not set", secret="TEAM")])
def test_a_destination_pauses_after_an_answer_that_delays(store: Store, answer: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    put(store, message("a"), message("b"))
    sender = Sender([answer])
    assert Worker(store, sender, policy=RetryPolicy(initial_delay=5.0)).turn()
    assert len(sender.effects) == 1
    first, second = store.rows()
    assert (first.status, second.status) == (Status.DELAYED, Status.DELAYED)
    assert (first.attempts, second.attempts) == (1, 0)
    assert second.due < first.due
    assert "the outbox goes on trying" in caplog.text


@pytest.mark.tocsin_live
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", ["file", "server"])
def test_a_recipient_that_was_refused_for_now_gets_the_mail_from_the_next_worker(
    *,
    count: int,
    kind: str,
    file: Path,
    gmail_server: GmailServer,
    authority: Authority,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = str(request.getfixturevalue("database")) if kind == "server" else f"sqlite:///{file}"
    gmail_server.script = {"RCPT b@example.com": "450 4.2.1 come back later", "RCPT c@example.com": "550 5.1.1 no such user"}
    with interpreting(Recording()) as recording:
        for number in range(count):
            gmail_notifier(Task(f"load {number}"), Running(), Failed("disk full"), to=[f"{name}@example.com" for name in "abc"])
    with live_at(authority, gmail=gmail_server) as live:
        once = Retrying(live, RetryPolicy(attempts=1))
        with closing(Store(url)) as store:
            put(store, *recording.mail)
            assert Worker(store, once, threshold=2).turn()
            assert statuses(store) == [Status.DELAYED] * count
        gmail_server.script.clear()
        with closing(Store(url)) as store:
            rows = store.rows()
            store.advance([(row.key, RetryAsked(store.now())) for row in rows])
            assert Worker(store, once, threshold=2).turn()
            ended = store.rows()
    assert [mail.recipients for mail in gmail_server.mails] == [("a@example.com",), ("b@example.com",)]
    assert all(b"To: a@example.com, b@example.com, c@example.com" in mail.content for mail in gmail_server.mails)
    why = "127.0.0.1 refused the mail: 550 5.1.1 no such user"
    for_good = f"c@example.com ({why})"
    assert [(row.status, row.reason) for row in ended] == [(Status.DELIVERED, f"refused for c@example.com: {why}")] * count
    first, last = caplog.messages
    assert "refused for b@example.com (127.0.0.1 asks for another try: 450 4.2.1 come back later)" in first
    assert first.endswith(f"{for_good}; the outbox goes on trying")
    assert last.endswith(f"refused for {for_good}")


def test_a_message_that_cannot_go_on_to_some_of_its_people_is_delivered(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    put(store, message())
    refused = Delivered(("b@example.com",), errors=(Retryable("450 later"),))  # as by an interpreter that mails it
    assert Worker(store, Sender([refused])).turn()
    assert [(row.status, row.reason) for row in store.rows()] == [(Status.DELIVERED, "refused for b@example.com: 450 later")]
    assert caplog.messages == ["tocsin: tell Slack of 'load': refused for b@example.com (450 later)"]


def test_what_was_folded_shares_an_outcome(store: Store) -> None:
    put(store, *(message(f"load {number}") for number in range(12)))
    seen: list[tuple[str | None, int]] = []
    sender = Sender()
    worker = Worker(store, sender, min_interval=0.0, on_batch=lambda batch, _, rows: seen.append((batch.digest, len(rows))))
    worker.turn()
    assert len(sender.effects) == 1
    ((digest, count),) = seen
    assert count == 12
    assert {row.digest for row in store.rows()} == {digest}


def test_a_batch_whose_lease_is_nearly_over_is_not_sent(file: Path) -> None:
    with closing(Store(f"sqlite:///{file}", busy=5.0)) as store:
        put(store, message("a"), message("b"))
        locks = [FileLock(file)]
        sender = Sender()
        worker = Worker(store, sender, lease=1.0, on_batch=lambda *_: locks.pop().lock_for(0.7) if locks else None)
        assert worker.turn()
        assert statuses(store) == [Status.DELIVERED] * 2
        assert len(sender.effects) == 2
        assert not any(row.repeated for row in store.rows())


def test_without_a_new_thread_nothing_is_claimed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, message())

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert not Worker(store, Sender()).turn()
    assert statuses(store) == [Status.PENDING]


def test_an_error_of_a_callback_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    put(store, message())

    def fail(*_: object) -> None:
        raise KeyError("oops")

    assert Worker(store, Sender(), on_batch=fail).turn()
    assert "tocsin: the outbox could not be drained: KeyError: 'oops'" in caplog.text
    assert statuses(store) == [Status.DELIVERED]


def test_a_destination_pauses_for_as_long_as_it_asks(store: Store) -> None:
    put(store, message("a"), message("b"))
    began = store.now()
    Worker(store, Sender([Retryable("busy", timedelta(hours=1))])).turn()
    assert all(row.due >= began + 3600.0 for row in store.rows())


def test_what_was_delivered_long_ago_is_removed_and_nothing_else(store: Store) -> None:
    long_ago = store.now() - RETENTION - 60.0
    for name, outcome in (("sent", Delivered()), ("dead", Rejected("no_text"))):
        row = new_row(message(name), long_ago)
        store.put([row])
        claimed, answered = Claimed(long_ago, "worker", long_ago + 60.0), OutcomeKnown(long_ago, "worker", outcome, 0.0)
        assert all(isinstance(after, Row) for after in store.advance([(row.key, claimed), (row.key, answered)]))
    put(store, message("new"))
    Worker(store, Sender()).turn()
    assert statuses(store) == [Status.DEAD, Status.DELIVERED]


def test_a_wall_clock_that_is_set_forward_ends_the_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, message("a"), message("b"))
    ahead = 0.0
    real_time = time.time
    monkeypatch.setattr(time, "time", lambda: real_time() + ahead)
    sender = Sender()

    def set_forward() -> None:
        nonlocal ahead
        ahead = 3600.0 * len(sender.effects)

    sender.during = set_forward
    Worker(store, sender).turn()
    assert statuses(store) == [Status.DELIVERED] * 2
    assert len(sender.effects) == 2


# --- clocks -------------------------------------------------------------------------------------------------------------------


class Shifted(Store):
    """An outbox whose clock is off by ``offset`` seconds."""

    offset = 0.0

    @override
    def now(self) -> float:
        return super().now() + self.offset


DAYS = 2 * 86_400.0
QUICK = RetryPolicy(attempts=9, initial_delay=0.05, max_delay=0.05)


@pytest.fixture
def shifted(file: Path) -> Iterator[Shifted]:
    with closing(Shifted(f"sqlite:///{file}")) as store:
        store.offset = DAYS
        yield store


def turns(worker: Worker, store: Store) -> float:
    """Let the worker work until no row waits, and return the seconds that it took."""
    began = time.monotonic()
    while statuses(store) != [Status.DELIVERED]:
        assert time.monotonic() < began + PATIENCE
        worker.turn()
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_row_that_was_put_off_while_the_clock_was_ahead_waits_for_its_pause(shifted: Shifted) -> None:
    put(shifted, message())
    Worker(shifted, Sender([Retryable("busy")]), policy=QUICK).turn()
    assert statuses(shifted) == [Status.DELAYED]
    shifted.offset = 0.0
    sender = Sender()
    turns(Worker(shifted, sender), shifted)
    assert len(sender.effects) == 1


def test_a_row_that_was_leased_while_the_clock_was_ahead_waits_for_its_lease(shifted: Shifted) -> None:
    put(shifted, message())
    assert shifted.claim("slack:TEAM", "killed", seconds=0.3)
    shifted.offset = 0.0
    sender = Sender()
    assert turns(Worker(shifted, sender), shifted) >= 0.25
    assert len(sender.effects) == 1


def test_a_clock_that_is_set_back_is_seen_at_the_next_look(shifted: Shifted) -> None:
    worker = Worker(shifted, Sender())
    assert not worker.turn()
    put(shifted, message())
    shifted.offset = 0.0
    assert worker.turn()
    assert statuses(shifted) == [Status.DELIVERED]
