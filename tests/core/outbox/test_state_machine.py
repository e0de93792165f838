"""The state machine of a row by example: each cell of the table, each refusal, each reason, and the pauses between tries."""

from datetime import timedelta

import attrs
import pytest

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import (
    FAR,
    POLICY,
    TABLE,
    Buried,
    Claimed,
    Grouped,
    OutcomeKnown,
    RefusedEvent,
    Released,
    RetryAsked,
    RowEvent,
    Unreadable,
    claimable,
    next_row,
    pause_after,
)
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Rejected, Retryable, Shown, Withheld

BUSY = Retryable("busy")
DAY = 86_400.0

NEW = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)


def after(row: Row, *events: RowEvent) -> Row:
    """Return the row after events that may all happen."""
    for event in events:
        following = next_row(row, event)
        assert isinstance(following, Row), following
        row = following
    return row


def answer(outcome: Outcome, at: float = 2.0, claim: str = "one", draw: float = 0.5, policy: RetryPolicy = POLICY) -> OutcomeKnown:
    return OutcomeKnown(at, claim, outcome, draw, policy)


CLAIM = Claimed(1.0, "one", until=61.0)
LEASED = after(NEW, CLAIM)
BEGUN = after(LEASED, Grouped(1.5, "one", "run.load..0.0"))
DELIVERED = after(LEASED, answer(Delivered()))
DELAYED = after(LEASED, answer(BUSY))
DEAD = after(LEASED, answer(Rejected("too long")))
UNKNOWN = after(LEASED, answer(Ambiguous("no answer")))
RELEASED = after(DELAYED, Claimed(50.0, "two", until=110.0), Released(51.0, "two", due=51.0))
ALONE = Claimed(200.0, "two", until=260.0, most=1)

EXAMPLES: tuple[tuple[Row, RowEvent, Status], ...] = (
    (NEW, CLAIM, Status.LEASED),
    (RELEASED, ALONE, Status.DEAD),
    (NEW, answer(Delivered()), Status.DELIVERED),
    (NEW, RetryAsked(2.0), Status.PENDING),
    (NEW, Buried(2.0), Status.DEAD),
    (LEASED, attrs.evolve(CLAIM, at=61.0, claim="two"), Status.LEASED),
    (BEGUN, ALONE, Status.DEAD),
    (LEASED, Grouped(1.5, "one", "run.load and 1 more..0.-1"), Status.LEASED),
    (LEASED, answer(Delivered()), Status.DELIVERED),
    (LEASED, answer(Withheld("none")), Status.DELIVERED),
    (LEASED, answer(Shown()), Status.DELIVERED),
    (LEASED, answer(Queued("a thread")), Status.UNKNOWN),
    (LEASED, answer(BUSY), Status.DELAYED),
    (LEASED, answer(BUSY, policy=RetryPolicy(attempts=1)), Status.DEAD),
    (LEASED, answer(Rejected("too long")), Status.DEAD),
    (LEASED, answer(DestinationDead("revoked")), Status.DEAD),
    (LEASED, answer(Ambiguous("no answer")), Status.UNKNOWN),
    (LEASED, Released(2.0, "one", due=2.0), Status.PENDING),
    (LEASED, Released(2.0, "one", due=12.0), Status.DELAYED),
    (LEASED, Unreadable(2.0, "one", "it was written by a newer tocsin"), Status.DEAD),
    (LEASED, RetryAsked(61.0), Status.PENDING),
    (LEASED, Buried(61.0), Status.DEAD),
    (DELAYED, Claimed(100.0, "two", until=160.0), Status.LEASED),
    (DELAYED, ALONE, Status.DEAD),
    (DELAYED, answer(Delivered()), Status.DELIVERED),
    (DELAYED, RetryAsked(3.0), Status.PENDING),
    (DELAYED, Buried(3.0), Status.DEAD),
    (DEAD, answer(Delivered(), claim="another"), Status.DELIVERED),
    (DEAD, RetryAsked(3.0), Status.PENDING),
    (UNKNOWN, answer(Delivered(), claim="another"), Status.DELIVERED),
    (UNKNOWN, RetryAsked(3.0), Status.PENDING),
    (UNKNOWN, Buried(3.0), Status.DEAD),
)


@pytest.mark.parametrize(("row", "event", "status"), EXAMPLES, ids=lambda part: str(getattr(part, "status", type(part).__name__)))
def test_a_cell_of_the_table(row: Row, event: RowEvent, status: Status) -> None:
    assert after(row, event).status is status


def test_each_status_in_the_table_is_reached_by_an_example() -> None:
    reached = {(row.status, type(event), status) for row, event, status in EXAMPLES}
    assert reached == {(status, event, after) for status, cells in TABLE.items() for event, afters in cells.items() for after in afters}
    assert set(TABLE) == set(Status)


FOR_NOW = Delivered(("b@example.com",), errors=(Retryable("450 later", timedelta(seconds=90)),))
PARTLY = attrs.evolve(answer(FOR_NOW), rest=(2, '{"rest":{}}'))


def test_a_mail_goes_on_to_the_rest_of_its_recipients() -> None:
    partly = after(LEASED, PARTLY)
    assert (partly.status, partly.version, partly.body) == (Status.DELAYED, 2, '{"rest":{}}')
    assert partly.reason == "refused for b@example.com: 450 later"
    assert partly.due == PARTLY.at + 90.0
    assert partly.claim is None
    whole = after(LEASED, attrs.evolve(PARTLY, rest=None))
    assert (whole.status, whole.body, whole.reason) == (Status.DELIVERED, LEASED.body, partly.reason)


@pytest.mark.parametrize(
    "event",
    [
        attrs.evolve(PARTLY, policy=RetryPolicy(attempts=1)),  # no try is left
        attrs.evolve(PARTLY, claim="two"),  # of another worker, whose message went to all
    ],
)
def test_a_mail_that_goes_on_no_longer_is_delivered(event: OutcomeKnown) -> None:
    ended = after(LEASED, event)
    assert (ended.status, ended.body, ended.reason) == (Status.DELIVERED, LEASED.body, "refused for b@example.com: 450 later")


LEASE_ENDED = "the lease of run.load..0.0 has ended"


@pytest.mark.parametrize(
    ("row", "event", "reason"),
    [
        (DELIVERED, RetryAsked(9.0), "run.load..0.0 is delivered"),
        (DEAD, CLAIM, "run.load..0.0 is dead"),
        (NEW, Released(2.0, "one", 2.0), "run.load..0.0 is pending"),
        (LEASED, attrs.evolve(CLAIM, claim="two"), "run.load..0.0 is being sent by another worker"),
        (DELAYED, attrs.evolve(CLAIM, claim="two"), "run.load..0.0 is not due yet"),
        (LEASED, Grouped(1.5, "two", "run.load and 1 more..0.-1"), LEASE_ENDED),
        (LEASED, Released(1.5, "two", 2.0), LEASE_ENDED),
        (LEASED, Unreadable(1.5, "two", "damaged"), LEASE_ENDED),
        (LEASED, answer(BUSY, claim="two"), LEASE_ENDED),
        (NEW, answer(BUSY), LEASE_ENDED),
        (LEASED, RetryAsked(60.0), "run.load..0.0 is being sent: try again when its lease has ended"),
        (LEASED, Buried(60.0), "run.load..0.0 is being sent: try again when its lease has ended"),
    ],
)
def test_what_cannot_happen_is_refused_in_words(row: Row, event: RowEvent, reason: str) -> None:
    assert next_row(row, event) == RefusedEvent(reason)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (DELIVERED, None),
        (after(LEASED, answer(Delivered(("ops@example.com", "b@example.com")))), "refused for ops@example.com, b@example.com"),
        (after(LEASED, answer(Withheld("TOCSIN_NOTIFY is none"))), "withheld: TOCSIN_NOTIFY is none"),
        (after(LEASED, answer(Shown())), "shown instead of sent"),
        (after(LEASED, answer(Queued("a thread"))), "handed on to a thread: what became of it there is not known"),
        (DELAYED, "busy"),
        (DEAD, "too long"),
        (UNKNOWN, "no answer"),
        (after(LEASED, Unreadable(2.0, "one", "damaged")), "damaged"),
        (after(NEW, Buried(2.0)), "buried by hand"),
        (after(NEW, Buried(2.0, "the release was called off")), "the release was called off"),
        (after(BEGUN, ALONE), "given up after 1 try, the last of which never ended"),
        (after(DELAYED, ALONE), "busy"),
    ],
)
def test_a_row_says_how_its_last_try_ended(row: Row, reason: str | None) -> None:
    assert row.reason == reason


def test_a_lease_may_be_claimed_when_it_has_ended_or_ends_impossibly_late() -> None:
    assert [claimable(LEASED, at) for at in (60.9, 61.0, 61.0 - FAR, 60.9 - FAR)] == [False, True, False, True]


@pytest.mark.parametrize(
    ("asked", "attempts", "draw", "pause"),
    [
        (None, 1, 0.0, 10.0),
        (None, 1, 0.5, 15.0),
        (None, 3, 0.5, 30.0),
        (None, 100, 0.5, 310.0),
        (timedelta(seconds=-5), 1, 0.0, 10.0),
        (timedelta(seconds=100), 1, 0.5, 100.0),
        (timedelta(seconds=100), 100, 0.5, 310.0),
        (timedelta.max, 1, 0.0, DAY),
    ],
)
def test_a_pause_is_long_enough_for_all(asked: timedelta | None, attempts: int, draw: float, pause: float) -> None:
    outcome = Retryable("busy", asked)
    assert pause_after(attempts, outcome, answer(outcome, draw=draw)) == pause


def tried(policy: RetryPolicy = POLICY, late: float = 0.0) -> Row:
    """Return a row that was never accepted, and was always claimed ``late`` seconds after it was due."""
    row = NEW
    while row.status in {Status.PENDING, Status.DELAYED}:
        at = row.due + late
        row = after(row, Claimed(at, "one", at + 60.0, policy.attempts), answer(BUSY, at=at, policy=policy))
    assert row.status is Status.DEAD
    return row


def test_the_deadline_is_kept_where_there_are_tries_left() -> None:
    row = tried(RetryPolicy(attempts=100, initial_delay=10.0, max_delay=10.0, deadline=300.0))
    assert (row.attempts, row.ended) == (20, 285.0)


def test_a_machine_that_slept_for_days_makes_some_tries() -> None:
    assert tried(late=9 * DAY).attempts >= 5
    assert tried(RetryPolicy(attempts=2), late=9 * DAY).attempts == 2


def test_a_message_is_tried_for_a_day() -> None:
    assert tried().ended == pytest.approx(POLICY.deadline, rel=0.01)
