"""Two processes on one outbox, of which one is killed, again and again: the other goes on, and sends what the killed one leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from tests.kill.killed_flows import Story
from tests.kill.ledger import Ledger
from tests.kill.process_pool import Nursery, Order
from tests.kill.recording_server import Witness

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody forks")]

TASKS = 100
KILLS = 20


def test_one_goes_on_where_the_other_is_killed(
    slack_server: Witness, nurseries: Callable[[], Nursery], ledger: Ledger, file: Path, tmp_path: Path
) -> None:
    order = Order(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS)
    story, steady = Story(nurseries(), slack_server, order), nurseries()
    steady.begin(attrs.evolve(order, name="steady", notes=str(tmp_path / "steady")))
    story.happen(KILLS)
    assert steady.end() == 0, steady.log

    story.check(ledger)
    other = attrs.evolve(ledger, notes=tmp_path / "steady")
    assert len(other.acknowledged) == TASKS
    assert other.lost(other.rows()) == []
    assert ledger.doubles.total() <= story.nursery.kills
