"""Fixtures of this folder: pools of processes, a server that records messages, and a ledger of what was sent."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kill.ledger import Ledger, in_file
from tests.kill.process_pool import ProcessPool
from tests.kill.recording_server import RecordingServer
from tests.servers.authority import Authority


@pytest.fixture
def slack_server(authority: Authority) -> Iterator[RecordingServer]:
    """The server to which the processes send."""
    server = RecordingServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def pools(slack_server: RecordingServer, ca_bundle: Path, tmp_path: Path) -> Iterator[Callable[[], ProcessPool]]:
    """Build pools of processes, which send to the server and end with the test."""
    made: list[ProcessPool] = []

    def make_pool() -> ProcessPool:
        folder = tmp_path / f"pool_{len(made)}"
        folder.mkdir()
        made.append(ProcessPool(slack_server, ca_bundle, folder))
        return made[-1]

    yield make_pool
    for each in made:
        each.close()
        print(each.log)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of an outbox that does not exist yet."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def ledger(slack_server: RecordingServer, tmp_path: Path, file: Path) -> Ledger:
    """The ledger of that outbox."""
    return Ledger(slack_server, tmp_path / "notes", partial(in_file, file))
