"""What a service says to systemd, by the socket that ``NOTIFY_SOCKET`` names: that it is ready, alive, about to stop.

Where there is no such socket, or nobody listens, nothing happens: a service runs as well without systemd.

``tocsin outbox drain --watch``: a small service, which sends what is put in, until it is told to stop.

- It looks every few seconds; what is due is sent in threads of its own, so that one destination that is slow holds up no other.
- A database that fails is tried again, for as long as it takes: one line says that it does, and one that it is back.
- SIGTERM and an interrupt end it: what is being sent is ended, the rest is released, and that is no failure.
"""

import json
import os
import socket
import threading
import time
from contextlib import ExitStack, suppress

import attrs

from tocsin.cli.outbox.drain import LAST, in_lines, noting_progress, refused, silently
from tocsin.cli.outbox.health import Health, Metrics
from tocsin.cli.outbox.http_server import HOST, serving
from tocsin.cli.outbox.opening import UNUSABLE
from tocsin.cli.signals import graceful_stop
from tocsin.cli.terminal import complain, console, plain_text, say, write
from tocsin.core.outbox.metrics import ENDINGS
from tocsin.core.outbox.status import messages
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.outbox import configured
from tocsin.shell.outbox.errors import OutboxError
from tocsin.shell.outbox.store import Store
from tocsin.shell.outbox.worker import Worker

_PATIENCE = 1.0  # seconds


def notify_systemd(state: str) -> None:
    """Say it: ``READY=1``, say."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family: object = getattr(socket, "AF_UNIX", None)  # Windows has none
    if address[:1] not in {"/", "@"} or not isinstance(family, int):
        return
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE)
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(state.encode())


def watchdog() -> float | None:
    """How many seconds it may be silent, at most; None where nobody minds."""
    asked, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    meant = process in {"", str(os.getpid())}
    return int(asked) / 1_000_000 if meant and asked.isascii() and asked.isdigit() and int(asked) > 0 else None


_EVERY = 2.0  # seconds between two looks
_SOONEST = 0.1
_AFTER_A_FAULT = 5.0
_PIPED = 10_000  # columns


@attrs.frozen(kw_only=True)
class DaemonOptions:
    """What was asked for; see the options of the command."""

    metrics: int | None = None
    json: bool = False


def run_daemon(store: Store, asked: DaemonOptions) -> int:
    """Drain until a signal comes; the exit status."""
    if refused():
        return UNUSABLE
    board = Health()
    drainer = Worker(store, configured.configured_sender(), on_batch=noting_progress(board, silently if asked.json else in_lines()))
    with graceful_stop() as ending, ExitStack() as stack:
        try:
            port = None if asked.metrics is None else stack.enter_context(serving(asked.metrics, Metrics(store, board).pages))
        except OSError as error:
            complain(f"--metrics {asked.metrics}: {error.strerror}: choose another port, or 0 for one that is free")
            return UNUSABLE
        complain(f"drains the outbox at {store.place}")
        if port is not None:
            complain(f"metrics are at http://{HOST}:{port}/metrics")
        rounds = DrainLoop(store, drainer, board)
        while not ending.wait(rounds.go()):
            pass
        _stop(drainer)
    if asked.json:
        counts = {status.value: board.reckoning.count(status) for status in ENDINGS}
        write(f"{redact(json.dumps({'place': store.place, **counts}))}\n")
    else:
        say(console(_PIPED), plain_text(f"stopped: {board.reckoning}"))
    return 0


def _stop(drainer: Worker) -> None:
    notify_systemd("STOPPING=1")
    drainer.stop(LAST)
    if drainer.sending:
        complain(f"{messages(drainer.sending)} had no answer in time: sent again when the lease has ended, marked as possibly repeated")


class DrainLoop:
    """Sees to it, round by round, that what is due is sent."""

    def __init__(self, store: Store, drainer: Worker, board: Health) -> None:
        self._store = store
        self._drainer = drainer
        self._board = board
        self._said_ready = False
        self._rests_until = 0.0
        silence = watchdog()
        self._longest = _EVERY if silence is None else min(_EVERY, silence / 2)

    def go(self) -> float:
        """Go one round; after how many seconds to go the next."""
        self._board.turn()
        notify_systemd("WATCHDOG=1")
        rest = self._rests_until - time.monotonic()
        if rest > 0:
            return min(rest, self._longest)
        try:
            pause = self._look() if self._store.exists else self._rest()
        except OutboxError as fault:
            self._break(fault)
            return self._longest
        self._board.reach()
        if not self._said_ready:
            notify_systemd("READY=1")
            self._said_ready = True
        return min(max(pause, _SOONEST), self._longest)

    def _look(self) -> float:
        agenda = self._store.agenda()
        if not agenda.due:
            self._mend()
        else:
            threading.Thread(target=self._turn, name="tocsin_outbox", daemon=True).start()
        return self._longest if agenda.next is None else agenda.next

    def _rest(self) -> float:
        """There is no outbox yet, and so nothing in it."""
        self._mend()
        return self._longest

    def _turn(self) -> None:
        try:
            self._drainer.turn()
        except OutboxError as fault:
            self._break(fault)
        else:
            self._mend()

    def _break(self, fault: OutboxError) -> None:
        self._rests_until = time.monotonic() + _AFTER_A_FAULT
        if self._board.breaks(str(fault)):
            complain(f"{fault}; it is tried again until it can be used")

    def _mend(self) -> None:
        if self._board.mends():
            complain(f"the outbox at {self._store.place} can be used again")
