"""Two processes share one outbox. One is killed again and again; the other goes on, and sends what the killed one leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tests.kill.killed_flows import KilledFlows
from tests.kill.ledger import Ledger
from tests.kill.process_pool import Job, ProcessPool
from tests.kill.recording_server import RecordingServer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX")]

TASKS = 100
KILLS = 20


def test_one_goes_on_where_the_other_is_killed(
    slack_server: RecordingServer, pools: Callable[[], ProcessPool], ledger: Ledger, file: Path, tmp_path: Path
) -> None:
    job = Job(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS)
    flows, steady = KilledFlows(pools(), slack_server, job), pools()
    steady.start(attrs.evolve(job, name="steady", notes=str(tmp_path / "steady")))
    flows.run(KILLS)
    assert steady.wait() == 0, steady.log

    flows.check(ledger)
    other = attrs.evolve(ledger, notes=tmp_path / "steady")
    assert len(other.acknowledged) == TASKS
    assert other.lost(other.rows()) == []
    assert ledger.doubles.total() <= flows.pool.kills
