"""One kill at each step of a message's life, and of a digest's: each statement of the database, the note, the send, the mark.

The first life is killed as it is about to take the step; the second sends what was left. Statements that only read are no steps.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.kill.kill_points import Came, Life, Station
from tests.kill.process_pool import Nursery
from tests.kill.recording_server import Witness, nobody

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody forks")

ORDER: Sequence[Came] = ("not taken in", "told later", "told twice", "told once")
"""What may come of it, from the first step to the last."""


@pytest.fixture(params=[1, 12], ids=["message", "digest"])
def station(request: pytest.FixtureRequest, slack_server: Witness, nurseries: Callable[[], Nursery], tmp_path: Path) -> Station:
    """A nursery, and how many messages are told in each life."""
    return Station(nurseries(), slack_server, tmp_path, int(request.param))


def lives(station: Station) -> Iterator[Life]:
    """A first life for each step."""
    killed, number = True, 1
    while killed:
        life = station.first(station.order(f"step_{number}", number))
        killed, number = life.killed, number + 1
        yield life


@pytest.mark.slow
def test_a_kill_at_each_step_loses_nothing(station: Station) -> None:
    firsts = list(lives(station))
    came = [station.second(life) for life in firsts]
    for life, outcome in zip(firsts, came, strict=True):
        print(f"{life.steps[-1]:<70} {outcome}")

    at = {life.steps[-1].partition(" ")[2]: outcome for life, outcome in zip(firsts, came, strict=True)}
    assert came == sorted(came, key=ORDER.index)
    assert set(came) == set(ORDER)
    assert at["acknowledged"] == at["noted"] == at["send"] == "told later"
    assert at["sent"] == "told twice"


def test_a_kill_between_the_servers_answer_and_its_arrival_doubles_it(station: Station) -> None:
    order, server = station.order("answer"), station.server
    server.accepted = station.nursery.kill
    life = station.first(order)
    server.accepted = nobody
    assert life.killed
    assert life.steps[-1].endswith(" send")
    assert station.second(life) == "told twice"
