"""The combined outcome of several outcomes, by example."""

from datetime import timedelta

import pytest

from tocsin.core.changes import Key
from tocsin.core.delivery.combining import after_fallback, combined
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)

LATER = timedelta(seconds=30)
LONG = timedelta(hours=3)
KEY = Key("run", "load and 11 more", None, 0, -1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Retryable("a", LATER), Delivered(("x@example.com",)), Delivered(("x@example.com",))),
        (DestinationDead("a"), Queued("a thread"), Queued("a thread")),
        (DestinationDead("a"), Shown(), Shown()),
        (Rejected("a", "TEAM_WEBHOOK"), Withheld("b"), Rejected("a; and the fallback withheld it: b", "TEAM_WEBHOOK")),
        (DestinationDead("a"), DestinationDead("b"), DestinationDead("a; and the fallback: b")),
        (DestinationDead("a"), Rejected("b", "EMAIL_USERNAME"), Rejected("a; and the fallback: b", "EMAIL_USERNAME")),
        (Rejected("a", "TEAM_WEBHOOK"), Rejected("b"), Rejected("a; and the fallback: b", "TEAM_WEBHOOK")),
        (Retryable("a", LONG), Retryable("b", LATER), Retryable("a; and the fallback: b", LATER)),
        (Retryable("a", LONG), Retryable("b"), Retryable("a; and the fallback: b")),
        (Rejected("a"), Retryable("b", LONG), Retryable("a; and the fallback: b", LONG)),
        (Ambiguous("a"), Retryable("b", LONG), Ambiguous("a; and the fallback: b")),
        (DestinationDead("a"), Ambiguous("b"), Ambiguous("a; and the fallback: b")),
    ],
)
def test_the_fallback_after_the_first(first: DeliveryError, second: Outcome, expected: Outcome) -> None:
    assert after_fallback(first, second) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Delivered(("x",)), Delivered(("y", "x"), KEY)], Delivered(("x", "y"), KEY)),
        ([Delivered(), Withheld("recorded")], Delivered()),
        ([Delivered(("x",)), Queued("a thread"), Queued("a thread")], Queued("a thread; number 1: refused for x")),
        ([Queued("a thread"), Queued("a file")], Queued("a thread and a file")),
        ([Withheld("recorded"), Shown()], Shown()),
        ([Withheld("a"), Withheld("b"), Withheld("a")], Withheld("a; b")),
        (
            [Delivered(("x",)), DestinationDead("gone")],
            Ambiguous("1 of 2 took it, as far as is known; number 1: refused for x; number 2: gone"),
        ),
        ([Queued("a thread"), Retryable("b")], Ambiguous("1 of 2 took it, as far as is known; number 2: b")),
        (
            [Retryable("a", LATER), Rejected("b"), Retryable("c", LONG)],
            Retryable("0 of 3 took it, as far as is known; number 1: a; number 2: b; number 3: c", LONG),
        ),
        ([Retryable("a"), Withheld("b")], Retryable("0 of 2 took it, as far as is known; number 1: a")),
        ([Shown(), DestinationDead("b")], DestinationDead("0 of 2 took it, as far as is known; number 2: b")),
    ],
)
def test_several_at_once(outcomes: list[Outcome], expected: Outcome) -> None:
    assert combined(outcomes) == expected
