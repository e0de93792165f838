"""Who drains while a program runs: when it looks, whom it tells, and what it does at the end."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.shell.interpreters.test_outbox import NEVER, Ending, Sender, message, rows
from tocsin.core.effects import PostToSlack
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import Buried
from tocsin.core.outcomes import Delivered, Outcome, Queued, Rejected, Retryable
from tocsin.interpreters import Outbox
from tocsin.shell.outbox import background_worker
from tocsin.shell.outbox.background_worker import BackgroundWorker
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import Worker

pytestmark = pytest.mark.tocsin_live


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/outbox.sqlite"


def test_what_is_being_sent_is_told_by_who_sends_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_worker, "_INTERVAL", 0.0)
    monkeypatch.setattr(background_worker, "_INTERVAL_SENDING", 0.02)
    ending = Ending()
    with closing(Outbox(Sender([Rejected("no_text")], before=lambda: time.sleep(0.5)), url)) as outbox:
        outbox.submit(message(), ending)
        assert ending.outcome == Rejected("no_text")


def test_what_somebody_else_did_with_it_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_worker, "_INTERVAL", 0.05)
    told, ending = message(), Ending()
    with closing(Outbox(Sender([Retryable("busy")]), url)) as outbox, closing(Store(url)) as store:
        outbox.submit(told, ending)
        key = store.rows()[0].key
        assert any(store.rows()[0].status is Status.DELAYED or NEVER.wait(0.01) for _ in range(2000))
        store.advance([(key, Buried(store.now()))])
        assert ending.outcome == Rejected("buried by hand")


def test_what_others_left_is_put_off_as_well(url: str) -> None:
    with closing(Store(url)) as store:
        store.put([new_row(message(), store.now())])
        with closing(Outbox(Sender([Retryable("busy")]), url)) as outbox:
            outbox.attend()
            assert any(store.rows()[0].status is Status.DELAYED or NEVER.wait(0.01) for _ in range(2000))


def test_of_two_who_want_to_know_one_may_be_let_go_of(url: str) -> None:
    store = Store(url)
    one = BackgroundWorker(store, lambda told: Worker(store, Sender(), on_batch=told), 1.0)
    seen: list[Outcome] = []
    assert one.left() is None
    for tell in (Ending(), seen.append):
        one.expect("key", tell)
    one.disown("key", seen.append)
    assert not one.wait(0.0)
    assert one.left() == f"1 message waits in the outbox at {store.place}: the next program with it sends it, or tocsin outbox drain"
    one.expect("other", seen.append)
    left = one.left()
    assert left is not None
    assert left.startswith("2 messages wait")


def test_a_message_that_cannot_be_written_is_sent_without(url: str) -> None:
    told = message()
    assert isinstance(told, PostToSlack)
    odd = attrs.evolve(told, payload=attrs.evolve(told.payload, fallback=3j))  # type: ignore[arg-type]  # what somebody made by hand
    sender, ending = Sender(), Ending()
    with closing(Outbox(sender, url)) as outbox:
        assert outbox.submit(odd, ending) == Queued("a background thread")
        assert ending.outcome == Delivered()
        assert outbox.submit(message(), Ending()) == Queued("the outbox")


def test_a_database_that_cannot_be_used_is_said_once(
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
from tocsin.shell.interpreters.base import execute
queues.finish()
print(execute(Outbox(Sender(), sys.argv[1]), message()))
"""


def test_what_comes_after_the_end_is_kept_for_the_next(url: str) -> None:
    done = subprocess.run([sys.executable, "-c", LATE, url], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "Queued(where='the outbox')\n"
    assert list(rows(url).values()) == [Status.PENDING]
