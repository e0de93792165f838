"""A flow that tells people of two hundred tasks is killed at random moments, and started again where it was, until all are told.

Nothing that the outbox acknowledged is lost; and a message comes twice only where a kill fell between the server's answer and the mark,
with the same key in it. ``TOCSIN_KILLS`` says how many kills there are in all; the figures are printed.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.kill.killed_flows import Story
from tests.kill.ledger import Ledger, in_database
from tests.kill.process_pool import Nursery, Order
from tests.kill.recording_server import Witness

KILLS = int(os.environ.get("TOCSIN_KILLS", "200"))
TASKS = 200
SINGLY = 1_000_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300 + 2 * KILLS),  # on a machine that is very busy
    pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody forks"),
]


@pytest.mark.parametrize("most", [SINGLY, 3], ids=["singly", "folded"])
def test_nothing_is_lost_and_what_comes_twice_says_so(
    slack_server: Witness, nurseries: Callable[[], Nursery], ledger: Ledger, file: Path, most: int
) -> None:
    order = Order(does="flow", url=f"sqlite:///{file}", notes=str(ledger.notes), count=TASKS, most=most)
    story = Story(nurseries(), slack_server, order)
    story.happen(KILLS // 2 if most == SINGLY else KILLS * 3 // 10, ledger.look)
    story.check(ledger)
    assert ledger.doubles == ledger.narrow
    assert any(told.count > 1 for told in ledger.told) == (most < SINGLY)


def test_a_server_loses_nothing_either(slack_server: Witness, nurseries: Callable[[], Nursery], database: str, tmp_path: Path) -> None:
    """It may commit what it was told just before the kill, after somebody looked: so not each kill that seems to makes a double."""
    ledger = Ledger(slack_server, tmp_path / "notes", partial(in_database, database))
    story = Story(nurseries(), slack_server, Order(does="flow", url=database, notes=str(ledger.notes), count=TASKS))
    story.happen(KILLS // 5, ledger.look)
    story.check(ledger)
    assert ledger.doubles <= ledger.narrow
