"""What each test of this folder has: a nursery of its own, and an account of what it tells."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kill.ledger import Ledger, in_file
from tests.kill.process_pool import Nursery
from tests.kill.recording_server import Witness
from tests.servers.authority import Authority


@pytest.fixture
def slack_server(authority: Authority) -> Iterator[Witness]:
    """Whom they tell."""
    server = Witness(authority.good)
    yield server
    server.stop()


@pytest.fixture
def nurseries(slack_server: Witness, ca_bundle: Path, tmp_path: Path) -> Iterator[Callable[[], Nursery]]:
    """Makes nurseries; what lives there tells the server, and ends with the test."""
    made: list[Nursery] = []

    def nursery() -> Nursery:
        folder = tmp_path / f"nursery_{len(made)}"
        folder.mkdir()
        made.append(Nursery(slack_server, ca_bundle, folder))
        return made[-1]

    yield nursery
    for each in made:
        each.close()
        print(each.log)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An outbox in a file, which is not there yet."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def ledger(slack_server: Witness, tmp_path: Path, file: Path) -> Ledger:
    """Its account."""
    return Ledger(slack_server, tmp_path / "notes", partial(in_file, file))
