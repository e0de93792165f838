"""A flow of two hundred tasks is killed at random moments, and started again where it was, until all its messages are sent.

No acknowledged message is lost. A message comes twice only if a kill fell between the answer of the server and its record; both have
the same key. ``TOCSIN_KILLS`` is the number of kills in all tests, which may run in parallel. The figures are printed.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.kill.killed_flows import KilledFlows
from tests.kill.ledger import Ledger, in_database
from tests.kill.process_pool import Job, ProcessPool
from tests.kill.recording_server import RecordingServer
from tests.profile import PROFILE

TASKS = 200
SINGLY = 1_000_000
SHARE = 50  # kills in one test


def shares(kills: int) -> list[int]:
    """Split the number of kills into numbers for single tests."""
    return [min(SHARE, kills - done) for done in range(0, kills, SHARE)]


SOME, FEW = shares(PROFILE.kills // 2), shares(PROFILE.kills * 3 // 10)
SERVERS = shares(PROFILE.kills - sum(SOME) - sum(FEW))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300 + 2 * SHARE),  # for a very busy machine
    pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX"),
]


@pytest.mark.parametrize(
    ("most", "kills"),
    [(SINGLY, kills) for kills in SOME] + [(3, kills) for kills in FEW],
    ids=[f"singly_{number}" for number in range(len(SOME))] + [f"folded_{number}" for number in range(len(FEW))],
)
def test_nothing_is_lost_and_what_comes_twice_says_so(
    slack_server: RecordingServer, pools: Callable[[], ProcessPool], ledger: Ledger, file: Path, *, most: int, kills: int
) -> None:
    job = Job(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS, most=most)
    flows = KilledFlows(pools(), slack_server, job)
    flows.run(kills, ledger.look)
    flows.check(ledger)
    assert ledger.doubles == ledger.narrow
    assert any(each.count > 1 for each in ledger.sent) == (most < SINGLY)


@pytest.mark.parametrize("kills", SERVERS, ids=[f"server_{number}" for number in range(len(SERVERS))])
def test_a_server_loses_nothing_either(
    slack_server: RecordingServer, pools: Callable[[], ProcessPool], database: str, tmp_path: Path, kills: int
) -> None:
    """A server may commit after the kill, and after ``look()``. So not each kill that is counted as narrow makes a double."""
    ledger = Ledger(slack_server, tmp_path / "notes", partial(in_database, database))
    flows = KilledFlows(pools(), slack_server, Job(does="flow", url=database, notes=str(ledger.notes), count=TASKS))
    flows.run(kills, ledger.look)
    flows.check(ledger)
    assert ledger.doubles <= ledger.narrow
