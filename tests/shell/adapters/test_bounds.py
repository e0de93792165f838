"""Limits on a server: a pause of at most one day, and no more bytes than an answer needs."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.authority import Authority
from tests.servers.hostile import after_request, floods, raw
from tests.shell.adapters.examples import post, webhook
from tocsin.core.delivery.retry import parse_retry_after
from tocsin.core.outcomes import Ambiguous
from tocsin.shell.adapters.http import in_seconds
from tocsin.shell.adapters.time_limits import Attempt

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
DAY = 86_400
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30), timezones=ZONES), st.datetimes(timezones=ZONES))
def test_a_date_is_some_seconds_from_now(moment: datetime, now: datetime) -> None:
    wait = (moment.replace(microsecond=0) - now).total_seconds()
    assert in_seconds(format_datetime(moment), now) == str(ceil(min(max(wait, 0), DAY)))


@given(st.text() | st.from_regex(r"\w{3}, \d{1,2} Jul \d{1,20} \d\d:\d\d:\d\d [+-]\d{1,20}"))
def test_any_other_header_is_survived(header: str) -> None:
    wait = parse_retry_after(in_seconds(header, NOW))
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", ""),
        ("7", "7"),
        ("soon", "soon"),
        ("Wed, 01 Jul 2026 03:00:01 GMT", "1"),
        ("Wed, 01 Jul 2026 05:00:01 +0200", "1"),
        ("Wed, 01 Jul 2026 03:00:01 -0000", "1"),
        ("Wednesday, 01-Jul-26 03:00:01 GMT", "1"),
        ("Wed Jul  1 03:00:01 2026", "1"),
        ("Wed, 01 Jul 2026 02:59:59 GMT", "0"),
        ("Thu, 02 Jul 2026 03:00:01 GMT", "86400"),
    ],
)
def test_the_forms_of_a_date(header: str | None, expected: str | None) -> None:
    assert in_seconds(header, NOW) == expected


def test_an_attempt_receives_a_megabyte_in_all() -> None:
    attempt = Attempt("example.com", 1, 1)
    attempt.add_received(1 << 19)
    attempt.add_received(1 << 19)
    with pytest.raises(ConnectionAbortedError):
        attempt.add_received(1)


def test_an_endless_answer_is_reported(authority: Authority) -> None:
    flood = raw(after_request(floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n")))
    with flood(authority) as port:
        slack = webhook(authority.bundle)
        outcome = post(slack, f"https://127.0.0.1:{port}/services/T/B/x")
        slack.close()
    assert outcome == Ambiguous(
        "127.0.0.1 sent more than 1,048,576 bytes, which is no answer, after the message went out: it may have arrived"
    )
