"""The background worker: when it looks for messages, which callbacks it calls, and what it does at the end."""

import gc
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from weakref import ref

import attrs
import pytest

from tests.shell.interpreters.test_outbox import NEVER, Ending, Sender, message, rows
from tocsin.core.effects import PostToSlack
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import Buried, OutcomeKnown
from tocsin.core.outcomes import Delivered, Outcome, Queued, Rejected, Retryable
from tocsin.interpreters import Outbox
from tocsin.shell import queues
from tocsin.shell.outbox import background_worker
from tocsin.shell.outbox.background_worker import BackgroundWorker
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import Worker
from tocsin.shell.report import DeliveryLog

pytestmark = pytest.mark.tocsin_live


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/outbox.sqlite"


def test_the_outcome_comes_from_the_thread_that_sends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_worker, "_INTERVAL", 0.0)
    monkeypatch.setattr(background_worker, "_INTERVAL_SENDING", 0.02)
    ending = Ending()
    with closing(Outbox(Sender([Rejected("no_text")], before=lambda: time.sleep(0.5)), url)) as outbox:
        outbox.submit(message(), ending)
        assert ending.outcome == Rejected("no_text")


def test_a_message_that_waits_in_the_outbox_is_not_kept_in_memory_too(url: str) -> None:
    door = threading.Event()
    with closing(Outbox(Sender(before=lambda: door.wait(10)), url)) as outbox:
        log = DeliveryLog(outbox)
        entries = [log.deliver(message()), log.deliver(message())]
        kept, gone = entries[0], ref(entries[1])
        del log, entries
        gc.collect()
        assert gone() is None
        door.set()
        assert queues.wait_for(kept.is_final, 10)
        assert kept.outcome == Delivered()


def test_a_change_by_another_process_settles_the_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_worker, "_INTERVAL", 0.05)
    sent, ending = message(), Ending()
    with closing(Outbox(Sender([Retryable("busy")]), url)) as outbox, closing(Store(url)) as store:
        outbox.submit(sent, ending)
        key = store.rows()[0].key
        assert any(store.rows()[0].status is Status.DELAYED or NEVER.wait(0.01) for _ in range(2000))
        store.advance([(key, Buried(store.now()))])
        assert ending.outcome == Rejected("buried by hand")


def deliver_all(store: Store, keys: list[str]) -> None:
    """Deliver these messages, as another process does that has claimed them."""
    store.claim("slack:SLACK_WEBHOOK_URL", "another", seconds=60)
    store.advance([(key, OutcomeKnown(store.now(), "another", Delivered(), 0.5)) for key in keys])


@pytest.mark.parametrize("waited_for", [True, False])
def test_messages_that_another_process_sent_are_looked_up(url: str, waited_for: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_worker, "_KEYS_PER_LOOK", 5)
    if not waited_for:
        monkeypatch.setattr(background_worker, "_INTERVAL", 0.2)
    outcomes: list[Outcome] = []
    with closing(Store(url)) as store:
        idle = Worker(store, Sender())
        idle.stop()
        worker = BackgroundWorker(store, lambda _: idle, 1.0)
        new = [new_row(message(), store.now()) for _ in range(60)]
        for row in new:
            worker.expect(row.key, outcomes.append)
        store.put(new)
        worker.mark_stored([row.key for row in new])
        worker.attend()
        deliver_all(store, [row.key for row in new])
        if waited_for:
            worker.hurry()
        assert worker.wait(time.monotonic() + 2.0)  # less than the usual interval, and than that of twelve looks in a row
        worker.give_up()
    assert outcomes == [Delivered()] * 60


def test_messages_of_other_processes_are_delayed_too(url: str) -> None:
    with closing(Store(url)) as store:
        store.put([new_row(message(), store.now())])
        with closing(Outbox(Sender([Retryable("busy")]), url)) as outbox:
            outbox.attend()
            assert any(store.rows()[0].status is Status.DELAYED or NEVER.wait(0.01) for _ in range(2000))


def test_one_of_two_callbacks_may_be_removed(url: str) -> None:
    store = Store(url)
    worker = BackgroundWorker(store, lambda on_batch: Worker(store, Sender(), on_batch=on_batch), 1.0)
    seen: list[Outcome] = []
    assert worker.left() is None
    for callback in (Ending(), seen.append):
        worker.expect("key", callback)
    worker.disown("key", seen.append)
    assert not worker.wait(0.0)
    assert worker.left() == f"1 message waits in the outbox at {store.place}: the next program with it sends it, or tocsin outbox drain"
    worker.expect("other", seen.append)
    left = worker.left()
    assert left is not None
    assert left.startswith("2 messages wait")


def test_a_message_that_cannot_be_written_is_sent_without(url: str) -> None:
    valid = message()
    assert isinstance(valid, PostToSlack)
    odd = attrs.evolve(valid, payload=attrs.evolve(valid.payload, fallback=3j))  # type: ignore[arg-type]  # as user code may build it
    sender, ending = Sender(), Ending()
    with closing(Outbox(sender, url)) as outbox:
        assert outbox.submit(odd, ending) == Queued("a background thread")
        assert ending.outcome == Delivered()
        assert outbox.submit(message(), Ending()) == Queued("the outbox")


def test_an_error_of_the_database_is_logged_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background_worker, "_INTERVAL_ERROR", 0.01)
    (tmp_path / "outbox.sqlite").write_text("this is no database, and never was one" * 100)
    with closing(Outbox(Sender(), url)) as outbox:
        outbox.attend()
        assert any("is not a database" in caplog.text or NEVER.wait(0.01) for _ in range(2000))
        NEVER.wait(0.5)  # it has looked again by then
    assert len(caplog.records) == 1


LATE = """
import sys
from tests.shell.interpreters.test_outbox import Sender, message
from tocsin.interpreters import Outbox
from tocsin.shell import queues
from tocsin.shell.interpreter import execute
queues.finish()
print(execute(Outbox(Sender(), sys.argv[1]), message()))
"""


def test_a_message_after_the_end_stays_for_the_next_program(url: str) -> None:
    done = subprocess.run([sys.executable, "-c", LATE, url], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "Queued(where='the outbox')\n"
    assert list(rows(url).values()) == [Status.PENDING]
