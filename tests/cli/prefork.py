"""Runs commands in processes that are forked from one that has loaded what they need: most of what a command takes is its start."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

from tests.cli.terminal_session import PATIENCE, Seen

PROGRAM = Path(__file__).with_name("forking.py")


class Prefork:
    """The process, which is started for the first command."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, folder: Path, *words: str, environment: Mapping[str, str]) -> Seen:
        """Run ``tocsin`` with these words and only these variables in a process of its own, and wait for its end."""
        peer = self._started()
        with TemporaryFile() as out, TemporaryFile() as err:
            request = json.dumps([words, dict(environment), str(folder)]).encode()
            try:
                socket.send_fds(peer, [request], [out.fileno(), err.fileno()])
                status = os.waitstatus_to_exitcode(int(peer.recv(100)))
            except BaseException:
                self.close()  # an answer that comes late is not that to the next request
                raise
            out.seek(0)
            err.seek(0)
            return Seen(status, out.read().decode(), err.read().decode())

    def _started(self) -> socket.socket:
        if self._process is None:
            self._socket, theirs = socket.socketpair()
            self._socket.settimeout(PATIENCE)
            with theirs:
                words, own = [sys.executable, str(PROGRAM), str(theirs.fileno())], theirs.fileno()
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, pass_fds=[own], start_new_session=True)
        return self._socket

    def close(self) -> None:
        """End the process, or kill it if it waits for a command."""
        process, self._process = self._process, None
        if process is not None:
            self._socket.close()
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:  # pragma: no cover - only after a failure
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(PATIENCE)
