"""An outbox on a PostgreSQL server stores and sends a message."""

import pytest

from tests.shell.interpreters.test_outbox import QUEUED, Ending, Sender, message
from tocsin.core.outcomes import Delivered
from tocsin.interpreters import Outbox

pytestmark = pytest.mark.tocsin_live


def test_a_message_is_kept_and_sent(database: str) -> None:
    sender, ending = Sender(), Ending()
    outbox = Outbox(sender, database)
    assert outbox.submit(message(), ending) == QUEUED
    assert ending.outcome == Delivered()
    assert len(sender.came) == 1
    outbox.close()
