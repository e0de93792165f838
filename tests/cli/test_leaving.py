"""What would leave after a dry run, in words and for programs."""

from datetime import UTC, datetime, timedelta

from tests.cli.examples import effects
from tocsin.cli.leaving import leaving_json, leaving_lines, would_leave
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.leaving import Departure, Leaving, Pacing, leaving
from tocsin.effects import CallBack

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POST, MAIL = (effect for effect in effects() if not isinstance(effect, CallBack))
DIGEST = fold([POST] * 12)


def at(seconds: float) -> datetime:
    """A time."""
    return AT + timedelta(seconds=seconds)


def test_each_audience_has_a_line() -> None:
    gone = (Departure(POST, at(0), 1), Departure(MAIL, at(0), 1), Departure(DIGEST, at(12), 12))
    assert [*leaving_lines(Leaving(gone))] == [
        "would leave: 14 messages as 3, over 12 s",
        "  Slack (SLACK_WEBHOOK_URL): 1 message and a digest of 12, from 03:04:05 to 03:04:17 UTC, 12 s",
        "  Gmail (EMAIL_USERNAME) to b@example.com: 1 message, at 03:04:05 UTC",
    ]
    assert leaving_json(Leaving(gone, unsent=2, calls=1)) == {
        "messages": 16,
        "sent": 3,
        "digests": 1,
        "unsent": 2,
        "calls": 1,
        "to": [
            {
                "to": "Slack (SLACK_WEBHOOK_URL)",
                "messages": 13,
                "digests": [12],
                "first": "2026-01-02T03:04:05+00:00",
                "last": "2026-01-02T03:04:17+00:00",
            },
            {
                "to": "Gmail (EMAIL_USERNAME) to b@example.com",
                "messages": 1,
                "digests": [],
                "first": "2026-01-02T03:04:05+00:00",
                "last": "2026-01-02T03:04:05+00:00",
            },
        ],
    }


def test_several_digests_are_counted() -> None:
    gone = tuple(Departure(DIGEST, at(number), 12) for number in range(3))
    assert [*leaving_lines(Leaving(gone))][1] == (
        "  Slack (SLACK_WEBHOOK_URL): 3 digests of 12, 12 and 12, from 03:04:05 to 03:04:07 UTC, 2.0 s"
    )


def test_what_does_not_leave_in_time_is_said() -> None:
    gone = (Departure(POST, at(0), 1), Departure(POST, at(600), 1, stays=True))
    assert [*leaving_lines(Leaving(gone, unsent=1))][-2:] == [
        "would not leave before the program ends: 1 message; an outbox keeps them (delivery.outbox)",
        "of these, in the outbox when the program ends: 1 message",
    ]
    assert [*leaving_lines(Leaving((), calls=1))] == ["no message would leave"]


def test_the_configured_delivery_holds() -> None:
    recorded = [(POST, at(0))] * 40
    assert [each.count for each in would_leave(recorded, at(1)).departures] == [40]
    assert would_leave(recorded, at(1)) == leaving(recorded, at(11), Pacing())
    assert would_leave([], at(1)) == Leaving(())
