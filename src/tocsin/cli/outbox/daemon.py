"""``tocsin outbox drain --watch``: a service that sends new messages until a signal stops it.

- It checks the outbox every two seconds, or sooner if a message is due. Messages are sent in other threads, so that a slow destination
  delays no other.
- If the database fails, it is tried again without limit. One line is printed when it fails, and one when it works again.
- Every 30 seconds it looks for runs that were expected and did not start (``tocsin expect``), and for runs of other engines of which
  no end was heard (``no_end_after``).
- SIGTERM and SIGINT stop it: messages being sent are finished and the rest is released. The exit status is 0.
- It tells systemd through the socket in ``NOTIFY_SOCKET`` that it is ready, alive or stopping. Without such a socket, or without a
  listener, that does nothing.
"""

import os
import socket
import time
from contextlib import ExitStack, suppress

from tocsin.cli.outbox.checks import periodic_checks
from tocsin.cli.outbox.drain import STOP_TIMEOUT, counting, is_sending_disabled, show_lines, show_nothing
from tocsin.cli.outbox.health import Health, Metrics
from tocsin.cli.outbox.http_server import HOST, serving
from tocsin.cli.outbox.opening import UNUSABLE
from tocsin.cli.signals import graceful_stop
from tocsin.cli.silence import tell_held_back
from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, plain_text, say
from tocsin.core.outbox.metrics import ENDINGS
from tocsin.core.outbox.status import messages
from tocsin.shell.config.load import configuration
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.store import Agenda, Store
from tocsin.shell.outbox.worker import Worker
from tocsin.shell.reliable import chain
from tocsin.shell.threads import WorkerThread

_SYSTEMD_TIMEOUT = 1.0  # seconds
_INTERVAL = 2.0  # seconds between two checks of the outbox
_SHORTEST_INTERVAL = 0.1  # seconds
_PAUSE_AFTER_ERROR = 5.0  # seconds


def run_daemon(store: Store, *, metrics: int | None, as_json: bool) -> int:
    """Send messages until a signal arrives, and return the exit status. ``metrics`` is the port to serve them on."""
    if is_sending_disabled():
        return UNUSABLE
    health = Health()
    worker = Worker(store, chain(configuration()), on_batch=counting(health, show_nothing if as_json else show_lines()))
    loop = DrainLoop(store, worker, health)
    with graceful_stop() as stop, ExitStack() as stack:
        try:
            port = None if metrics is None else stack.enter_context(serving(metrics, Metrics(store, health).pages))
        except OSError as error:
            complain(f"--metrics {metrics}: {error.strerror}: choose another port, or 0 for one that is free")
            return UNUSABLE
        complain(f"sending from the outbox at {store.place}")
        if port is not None:
            complain(f"metrics are at http://{HOST}:{port}/metrics")
        while not stop.wait(loop.run_round()):
            pass
        loop.close()
        _stop(worker)
    if as_json:
        counts = {status.value: health.counters.count(status) for status in ENDINGS}
        write(f"{json_line({'place': store.place, **counts})}\n")
    else:
        say(console(), plain_text(f"stopped: {health.counters}"))
    return 0


def _stop(worker: Worker) -> None:
    notify_systemd("STOPPING=1")
    worker.stop(STOP_TIMEOUT)
    if worker.sending:
        complain(f"{messages(worker.sending)} had no answer in time: sent again when the lease ends, marked as possibly repeated")


class DrainLoop:
    """The loop of the service: each round starts to send the messages that are due."""

    def __init__(self, store: Store, worker: Worker, health: Health) -> None:
        self._store = store
        self._worker = worker
        self._health = health
        self._checks = periodic_checks(store)
        self._lock = store.daemon_lock()
        self._lock.take()
        self._is_ready = False
        self._paused_until = 0.0
        limit = watchdog()
        self._longest_interval = _INTERVAL if limit is None else min(_INTERVAL, limit / 2)

    def run_round(self) -> float:
        """Run one round. Return the seconds until the next one."""
        self._health.note_round()
        tell_held_back()
        self._lock.take()  # again, since the folder of a file may not have been there
        notify_systemd("WATCHDOG=1")
        pause = self._paused_until - time.monotonic()
        if pause > 0:
            return min(pause, self._longest_interval)
        try:
            pause = self._start_sending()
        except OutboxError as error:
            self._pause_after_error(error)
            return self._longest_interval
        self._health.note_reached()
        for check in self._checks:
            check.run()
        if not self._is_ready:
            notify_systemd("READY=1")
            self._is_ready = True
        return min(max(pause, _SHORTEST_INTERVAL), self._longest_interval)

    def close(self) -> None:
        """Show that no further round follows."""
        self._lock.release()

    def _start_sending(self) -> float:
        """Start to send the messages that are due, if any. Return the seconds until the next message is due."""
        agenda = self._worker.agenda() if self._store.exists else Agenda((), None)
        if not agenda.due:
            self._clear_error()
        else:
            WorkerThread("tocsin_outbox", self._send).start()
        return self._longest_interval if agenda.next is None else agenda.next

    def _send(self) -> None:
        try:
            self._worker.turn()
        except OutboxError as error:
            self._pause_after_error(error)
        else:
            self._clear_error()

    def _pause_after_error(self, error: OutboxError) -> None:
        self._paused_until = time.monotonic() + _PAUSE_AFTER_ERROR
        if self._health.set_error(str(error)):
            complain(f"{error}; retrying until it can be used")

    def _clear_error(self) -> None:
        if self._health.clear_error():
            complain(f"the outbox at {self._store.place} can be used again")


def notify_systemd(state: str) -> None:
    """Send a state to systemd, for example ``READY=1``."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family: object = getattr(socket, "AF_UNIX", None)  # Windows has none
    if address[:1] not in {"/", "@"} or not isinstance(family, int):
        return
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_SYSTEMD_TIMEOUT)
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(state.encode())


def watchdog() -> float | None:
    """Return the watchdog interval of systemd in seconds, or None if it has no watchdog for this process."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    valid = microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0
    return int(microseconds) / 1_000_000 if valid and process in {"", str(os.getpid())} else None
