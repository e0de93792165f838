"""What became of a message, as its row tells it to those who did not send it themselves."""

from tocsin.core.outbox.rows import WAITING, Row, Status
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Queued, Rejected

GONE = Ambiguous("it is not in the outbox any more: somebody removed it")
"""What became of a message whose row is not there."""


def outcome_of_row(row: Row) -> Outcome:
    """The outcome that a row stands for.

    >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
    >>> outcome_of_row(row)
    Queued(where='the outbox')
    """
    if row.status in WAITING:
        return Queued("the outbox")
    if row.status is Status.DELIVERED:
        return Delivered()
    reason = row.reason or "nobody noted why"
    return Rejected(reason) if row.status is Status.DEAD else Ambiguous(reason)
