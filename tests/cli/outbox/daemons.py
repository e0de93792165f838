"""``tocsin outbox drain --watch`` in a process of its own, with a stand-in for systemd."""

import os
import re
import signal
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import Queue
from threading import Thread

from tests.cli.terminal_session import PATIENCE, started


class Service:
    """A running service, with its output and its messages to systemd."""

    def __init__(self, folder: Path, variables: Mapping[str, str], *options: str) -> None:
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self._manager.settimeout(PATIENCE)
        heard = {"NOTIFY_SOCKET": str(folder / "notify"), **variables}
        self.process = started(folder, "outbox", "drain", "--watch", *options, **heard)
        self._lines: dict[str, Queue[str]] = {"out": Queue(), "err": Queue()}
        self._streams = [("out", self.process.stdout), ("err", self.process.stderr)]
        self._readers = [Thread(target=self._read, args=each) for each in self._streams]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: Iterable[str]) -> None:
        for line in stream:
            print(name, line, end="")  # shown where the test fails
            self._lines[name].put(line)

    def line(self, name: str = "out") -> str:
        """Return the next line of an output."""
        return self._lines[name].get(timeout=PATIENCE)

    def told(self, number: int = 1) -> list[str]:
        """Return the next messages to systemd."""
        return [self._manager.recv(100).decode() for _ in range(number)]

    def ready(self) -> None:
        """Wait until it is ready."""
        assert self.told(2) == ["WATCHDOG=1", "READY=1"]

    def port(self) -> int:
        """Return the port of the metrics."""
        found = re.fullmatch(r"tocsin: metrics are at http://127\.0\.0\.1:(\d+)/metrics\n", self.line("err"))
        assert found is not None
        return int(found[1])

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def gone(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status."""
        self.tell(number)
        return self.gone()

    def close(self) -> None:
        """Kill the service and close all streams."""
        self.process.kill()
        self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for _, stream in self._streams:
            assert stream is not None
            stream.close()
        self._manager.close()
