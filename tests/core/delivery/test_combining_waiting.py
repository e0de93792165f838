"""The outcomes of messages that waited: one that was folded, and one that was unfinished at exit."""

import pytest
from hypothesis import given

from tocsin.core.changes import Key
from tocsin.core.delivery.combining import outcome_at_exit, outcome_in_digest
from tocsin.core.effects import PostToSlack
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Rejected, Retryable, Shown, Withheld
from tocsin.testing.strategies import posts

OTHER = Key("another run", "load and 9 more", None, 0, -1)


@given(posts())
def test_what_was_delivered_was_so_in_the_digest(post: PostToSlack) -> None:
    assert outcome_in_digest(Delivered(("boss@example.com",)), post) == Delivered(("boss@example.com",), post.key)


@given(posts())
def test_the_digest_that_people_got_is_the_outermost(post: PostToSlack) -> None:
    known = Delivered(in_digest=OTHER)
    assert outcome_in_digest(known, post) is known


@pytest.mark.parametrize(
    "outcome",
    [
        Queued("a drawer"),
        Withheld("no"),
        Shown(),
        Retryable("full"),
        Rejected("too long"),
        DestinationDead("gone"),
        Ambiguous("silence"),
    ],
    ids=repr,
)
@given(post=posts())
def test_what_was_not_delivered_is_in_no_digest(outcome: Outcome, post: PostToSlack) -> None:
    assert outcome_in_digest(outcome, post) is outcome


def test_one_that_was_under_way_may_have_arrived() -> None:
    assert outcome_at_exit(started=True) == Ambiguous("the process ended while it was sent: it may have arrived")
    assert outcome_at_exit(started=False) == Retryable("the process ended before it could be sent")
