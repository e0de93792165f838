"""The outcome of a message, from its row."""

import attrs
import pytest

from tocsin.core.outbox.model import Row, Status, outcome_of_row, reason_of_done
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Queued, Rejected, Shown, Withheld

ROW = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (Status.PENDING, None, Queued("the outbox")),
        (Status.LEASED, None, Queued("the outbox")),
        (Status.DELAYED, "busy", Queued("the outbox")),
        (Status.DELIVERED, None, Delivered()),
        (Status.DELIVERED, "refused for a@example.com, [EMAIL_USERNAME], b@exam… (37 more characters)", Delivered(("a@example.com",))),
        (Status.DELIVERED, "refused for a@example.com: 550 no such user, b@example.com", Delivered(("a@example.com",))),
        (Status.DEAD, "no_service", Rejected("no_service")),
        (Status.DEAD, None, Rejected("no reason was recorded")),
        (Status.UNKNOWN, "timed out", Ambiguous("timed out")),
    ],
)
def test_a_row_stands_for_an_outcome(status: Status, reason: str | None, outcome: Outcome) -> None:
    assert outcome_of_row(attrs.evolve(ROW, status=status, reason=reason)) == outcome


@pytest.mark.parametrize(
    "outcome", [Delivered(), Delivered(("a@example.com", "b@example.com")), Withheld("TOCSIN_NOTIFY is none"), Withheld(""), Shown()]
)
def test_a_delivered_row_keeps_its_outcome(outcome: Delivered | Withheld | Shown) -> None:
    assert outcome_of_row(attrs.evolve(ROW, status=Status.DELIVERED, reason=reason_of_done(outcome))) == outcome
