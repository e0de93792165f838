"""The loop of the service if the outbox fails between two rounds, and its end if an answer does not arrive."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from returns.io import IOResult
from typing_extensions import override

from tests.cli.outbox.filled_outbox import SLACK, Kept, message
from tocsin import Recording
from tocsin.cli.outbox import daemon
from tocsin.cli.outbox.daemon import DrainLoop
from tocsin.cli.outbox.drain import counting, drain_due
from tocsin.cli.outbox.health import Health
from tocsin.core.effects import Effect
from tocsin.core.outbox.batches import Batch
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, Retryable
from tocsin.shell.errors import OutboxError
from tocsin.shell.interpreter import result_of
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Agenda, Store
from tocsin.shell.outbox.worker import Worker

PATIENCE = 30.0


class Failing(Store):
    """An outbox that can be read, and not written, until it is mended."""

    mended = False
    unreadable = False

    @override
    def claim(self, destination: str, claim: str, *, seconds: float, most: int = 1000) -> tuple[Row, ...]:
        if not self.mended:
            raise OutboxError("the disk is full: make room")
        return super().claim(destination, claim, seconds=seconds, most=most)

    @override
    def agenda(self) -> Agenda:
        if self.unreadable:
            raise OutboxError("the disk is gone: find it")
        return super().agenda()


class ObservedHealth(Health):
    """Reports when its error changes."""

    def __init__(self) -> None:
        self.failed = threading.Event()
        self.recovered = threading.Event()
        super().__init__()

    @override
    def set_error(self, error: str) -> bool:
        changed = super().set_error(error)
        self.failed.set()
        return changed

    @override
    def clear_error(self) -> bool:
        changed = super().clear_error()
        self.recovered.set()
        return changed


@pytest.fixture
def store(kept: Kept) -> Iterator[Failing]:
    """An outbox with a message in it."""
    kept.put(Status.PENDING)
    store = Failing(kept.url)
    yield store
    store.close()


def test_one_that_cannot_be_written_is_broken_until_it_can(
    store: Failing, kept: Kept, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_PAUSE_AFTER_ERROR", 0.0)
    health, recording = ObservedHealth(), Recording()
    loop = DrainLoop(store, Worker(store, recording), health)
    for _ in range(2):
        health.failed.clear()
        assert 0.0 < loop.run_round() <= 2.0
        assert health.failed.wait(PATIENCE)
        assert health.error == "the disk is full: make room"
        assert not health.ready
    store.mended = True
    health.recovered.clear()
    loop.run_round()
    assert health.recovered.wait(PATIENCE)
    assert kept.status(0) is Status.DELIVERED
    said = ["tocsin: the disk is full: make room; retrying until it can be used"]
    assert capsys.readouterr().err.splitlines() == [*said, f"tocsin: the outbox at {kept.path} can be used again"]


@pytest.mark.tocsin_live
def test_a_drain_that_cannot_claim_says_why(store: Failing, kept: Kept) -> None:
    with pytest.raises(OutboxError, match="the disk is full: make room"):
        drain_due(store, as_json=True)
    assert kept.status(0) is Status.PENDING


def test_a_message_of_another_worker_is_neither_counted_nor_shown() -> None:
    health, shown = Health(), list[Row]()
    row = attrs.evolve(new_row(message(0), 0.0), status=Status.DELIVERED)
    note = counting(health, lambda _, rows: shown.extend(rows))
    note(Batch((row,), message(0)), Delivered(), ())
    assert (str(health.counters), shown) == ("nothing was due", [])
    note(Batch((row,), message(0)), Delivered(), (row,))
    assert (str(health.counters), shown) == ("1 delivered", [row])


def test_it_rests_after_a_fault_and_shows_that_it_lives(store: Failing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.unreadable = True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        health = ObservedHealth()
        loop = DrainLoop(store, Worker(store, Recording()), health)
        loop.run_round()
        assert health.error == "the disk is gone: find it"
        store.unreadable, store.mended = False, True
        assert 0.0 < loop.run_round() <= 2.0  # it does not ask yet
        assert health.error is not None
        assert health.alive
        daemon.notify_systemd("the end")
        assert [sock.recv(100) for _ in range(3)] == [b"WATCHDOG=1", b"WATCHDOG=1", b"the end"]


@attrs.frozen(eq=False)
class Stuck:
    """Answers when it may."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    asked: threading.Event = attrs.field(factory=threading.Event)
    may_answer: threading.Event = attrs.field(factory=threading.Event)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Wait."""
        self.asked.set()
        self.may_answer.wait(PATIENCE)
        return result_of(Retryable("busy"))


def test_an_answer_that_does_not_come_is_said(
    store: Failing, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    monkeypatch.setattr(daemon, "STOP_TIMEOUT", 0.05)
    store.mended = True
    stuck, tried = Stuck(), threading.Event()
    worker_pool = Worker(store, stuck, on_batch=lambda *_: tried.set())
    (worker,) = worker_pool.start([SLACK])
    assert stuck.asked.wait(PATIENCE)
    daemon._stop(worker_pool)
    said = "tocsin: 1 message had no answer in time: sent again when the lease ends, marked as possibly repeated\n"
    assert capsys.readouterr().err == said
    assert kept.status(0) is Status.LEASED
    stuck.may_answer.set()
    assert tried.wait(PATIENCE)
    worker.join(PATIENCE)
