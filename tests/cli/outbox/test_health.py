"""The parts of the service: its messages to systemd, its stop by a signal, and its health."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.cli.outbox.filled_outbox import message
from tocsin.cli.outbox import daemon
from tocsin.cli.outbox.health import FRESH, Health
from tocsin.cli.signals import graceful_stop
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.codec import new_row

PATIENCE = 30.0


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """Systemd's end of the socket: a file, or a name without one."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@tocsin-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1))
        sock.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield sock


@pytest.mark.parametrize("listener", ["file", "abstract"], indirect=True)
def test_systemd_is_told(listener: socket.socket) -> None:
    daemon.notify_systemd("READY=1")
    daemon.notify_systemd("STOPPING=1")
    assert [listener.recv(100), listener.recv(100)] == [b"READY=1", b"STOPPING=1"]


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nowhere/notify", "@tocsin-no-listener-here", f"/{'x' * 300}"])
def test_without_a_listener_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    daemon.notify_systemd("READY=1")


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("120000000", "", 120.0),
        ("120000000", "ours", 120.0),
        ("120000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("-5", "", None),
        ("²", "", None),
    ],
)
def test_how_long_it_may_be_silent(monkeypatch: pytest.MonkeyPatch, microseconds: str, process: str, seconds: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if process == "ours" else process)
    assert daemon.watchdog() == seconds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_wakes_the_waiting_thread(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with graceful_stop() as stop:
        assert not stop.wait(0.0)
        timer = threading.Timer(0.05, os.kill, (os.getpid(), number))
        timer.start()
        assert stop.wait(PATIENCE)
        assert stop.wait(PATIENCE)
        timer.join()
    assert signal.getsignal(number) is before


def test_a_second_interrupt_is_one_and_a_second_sigterm_is_the_same() -> None:
    with graceful_stop() as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.is_due


def test_however_many_signals_come_the_handler_does_not_wait() -> None:
    with graceful_stop() as stop:
        for _ in range(10_000):
            stop.handle(signal.SIGTERM, None)
        assert stop.wait(PATIENCE)


def test_one_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with graceful_stop() as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop.is_due
    assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN


def test_the_health() -> None:
    now = 100.0
    health = Health(lambda: now)
    assert (health.alive, health.ready) == (False, False)
    health.note_round()
    assert (health.alive, health.ready) == (True, False)
    health.note_reached()
    assert (health.alive, health.ready) == (True, True)
    assert [health.set_error("down"), health.set_error("down still")] == [True, False]
    assert (health.alive, health.ready, health.error) == (True, False, "down still")
    assert [health.clear_error(), health.clear_error()] == [True, False]
    assert (health.alive, health.ready) == (True, True)
    now += FRESH
    assert (health.alive, health.ready) == (True, True)
    now += 0.1
    assert (health.alive, health.ready) == (False, False)
    health.note_round()
    assert (health.alive, health.ready) == (True, False)


def test_the_counters_are_thread_safe() -> None:
    health = Health()
    row = attrs.evolve(new_row(message(0), 0.0), status=Status.DELIVERED, ended=5.0)

    def work() -> None:
        for _ in range(200):
            health.count([row])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert health.counters.count(Status.DELIVERED) == 1600
