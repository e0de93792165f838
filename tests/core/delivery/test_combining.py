"""The combined outcome of several outcomes, by example."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from tocsin.core.changes import Key
from tocsin.core.delivery.combining import after_a_part, after_fallback, combined, narrowed
from tocsin.core.effects import PostToSlack, Rest, SendEmail
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
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

KEY = Key("run", "load and 11 more", None, 0, -1)
POST = PostToSlack("TEAM", SlackMessage("load failed", "#eb0000", "Failed", "load failed"), KEY)
FOR_NOW = Delivered(("b@example.com",), errors=(Retryable("450 later"),))
LETTER = SendEmail("USER", "WORD", Mail("s", "p", "h", ("a@example.com",), datetime(2026, 1, 1, tzinfo=UTC), ("b@example.com",)), KEY)
LATER = timedelta(seconds=30)
LONG = timedelta(hours=3)


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


def test_nobody_is_tried_again_for_one_of_several_interpreters() -> None:
    """The others would have the mail twice."""
    whole = combined([FOR_NOW, Delivered(("c@example.com",), errors=(Rejected("550 no"),)), Withheld("recorded")])
    assert isinstance(whole, Delivered)
    assert (whole.refused, whole.later) == (("b@example.com", "c@example.com"), ())
    assert whole.refusals == "b@example.com (450 later), c@example.com (550 no)"
    assert combined([FOR_NOW, Delivered()]) == FOR_NOW
    unsaid = combined([FOR_NOW, Delivered(("c@example.com",))])
    assert isinstance(unsaid, Delivered)
    assert unsaid.refusals == "b@example.com, c@example.com"


def test_only_a_mail_of_its_own_people_is_narrowed() -> None:
    assert narrowed(LETTER, FOR_NOW) == attrs.evolve(LETTER, rest=Rest(("b@example.com",)))
    elsewhere = attrs.evolve(LETTER, mail=attrs.evolve(LETTER.mail, cc=()))
    alone = attrs.evolve(LETTER, mail=attrs.evolve(LETTER.mail, recipients=None))
    assert narrowed(elsewhere, FOR_NOW) is None
    assert narrowed(alone, FOR_NOW) == attrs.evolve(alone, rest=Rest(("b@example.com",)))
    assert narrowed(POST, FOR_NOW) is None
    assert narrowed(LETTER, Delivered(("b@example.com",), errors=(Rejected("550 no"),))) is None
    assert narrowed(LETTER, Retryable("busy")) is None


@pytest.mark.parametrize(
    "outcome", [DestinationDead("revoked"), Rejected("not found", "EMAIL_PASSWORD"), Delivered(), Withheld("recorded")]
)
def test_what_a_person_repairs_stays_an_error_of_the_rest(outcome: Outcome) -> None:
    assert after_a_part(attrs.evolve(LETTER, rest=Rest(("b@example.com",))), outcome) is outcome
    assert after_a_part(LETTER, Retryable("busy")) == Retryable("busy")


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
