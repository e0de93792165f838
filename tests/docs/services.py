"""Runs ``tocsin outbox drain --watch`` as a page says: the messages it finds, its output, and its end."""

import re
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from urllib.request import urlopen

import attrs

from tests.docs.recipes import PATIENCE, Machine
from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.interpreters import Outbox

PORT = "9464"
"""The port of the metrics, on all pages."""


def leave(url: str) -> None:
    """Leave a message in an outbox, as a killed process does."""
    died = Outbox(Recording(), url)
    died.close()
    with interpreting(died):
        slack_notifier(Task("load"), Running(), Failed("disk full"))


@attrs.frozen
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    port: str

    def page(self, path: str) -> str:
        """Return a page of its HTTP server."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            text: bytes = answer.read()
        return text.decode()

    def line(self) -> str:
        """Return the next line of its output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def stopped(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def service(machine: Machine, command: Sequence[str], variables: Mapping[str, str]) -> Generator[Service]:
    """Run the service on a free port."""
    free = ["0" if word == PORT else word for word in command]
    assert free != list(command)
    with subprocess.Popen(
        machine.clean(free, variables), cwd=machine.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            lines = process.stderr.readline() + process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", lines)
            assert found is not None, lines
            yield Service(process, found[1])
        finally:
            process.kill()
