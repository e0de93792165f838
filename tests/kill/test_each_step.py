"""One kill before each step of a message or a digest: each statement that writes to the database, the note, and the sending.

The first process is killed before the step; the second sends what is left. Statements that only read are no steps.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.kill.kill_points import FirstProcess, KillPoints, Result
from tests.kill.process_pool import ProcessPool
from tests.kill.recording_server import RecordingServer, ignore

pytestmark = pytest.mark.skipif(os.name != "posix", reason="fork needs POSIX")

RESULTS: Sequence[Result] = ("not stored", "sent later", "sent twice", "sent once")
"""The possible results, from the first step to the last."""


@pytest.fixture(params=[1, 12], ids=["message", "digest"])
def kill_points(
    request: pytest.FixtureRequest, slack_server: RecordingServer, pools: Callable[[], ProcessPool], tmp_path: Path
) -> KillPoints:
    """Kill points for one message, and for twelve."""
    return KillPoints(pools(), slack_server, tmp_path, int(request.param))


def first_processes(kill_points: KillPoints) -> Iterator[FirstProcess]:
    """Run a first process for each step."""
    killed, number = True, 1
    while killed:
        first = kill_points.run_first(kill_points.job(f"step_{number}", number))
        killed, number = first.killed, number + 1
        yield first


@pytest.mark.slow
def test_a_kill_at_each_step_loses_nothing(kill_points: KillPoints) -> None:
    firsts = list(first_processes(kill_points))
    results = [kill_points.run_second(first) for first in firsts]
    for first, result in zip(firsts, results, strict=True):
        print(f"{first.steps[-1]:<70} {result}")

    at = {first.steps[-1].partition(" ")[2]: result for first, result in zip(firsts, results, strict=True)}
    assert results == sorted(results, key=RESULTS.index)
    assert set(results) == set(RESULTS)
    assert at["acknowledged"] == at["noted"] == at["send"] == "sent later"
    assert at["sent"] == "sent twice"


def test_a_kill_between_the_servers_answer_and_its_arrival_doubles_it(kill_points: KillPoints) -> None:
    job, server = kill_points.job("answer"), kill_points.server
    server.accepted = kill_points.pool.kill
    first = kill_points.run_first(job)
    server.accepted = ignore
    assert first.killed
    assert first.steps[-1].endswith(" send")
    assert kill_points.run_second(first) == "sent twice"
