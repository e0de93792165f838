"""The outcome of each answer of an SMTP server."""

from datetime import timedelta

import pytest

from tocsin.core.services.google import smtp_reply
from tocsin.effects import DestinationDead, Rejected, Retryable


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        (421, "", Retryable("Gmail asks for another try: 421 ")),
        (450, "4.2.1 busy", Retryable("Gmail asks for another try: 450 4.2.1 busy")),
        (552, "5.3.4 too big", Rejected("Gmail refused the mail: 552 5.3.4 too big")),
    ],
)
def test_the_outcome_of_each_gmail_answer(code: int, text: str, outcome: Retryable | Rejected) -> None:
    assert smtp_reply(code, text) == outcome


@pytest.mark.parametrize(
    ("code", "text", "after"),
    [(454, "4.7.0 Too many login attempts", timedelta(minutes=10)), (550, "5.4.5 Daily limit", timedelta(hours=4))],
)
def test_the_delay_that_a_gmail_answer_asks_for(code: int, text: str, after: timedelta) -> None:
    answered = smtp_reply(code, text)
    assert isinstance(answered, Retryable)
    assert answered.after == after


@pytest.mark.parametrize("code", [534, 535])
def test_a_refused_login_is_never_retried(code: int) -> None:
    answered = smtp_reply(code, "5.7.8")
    assert isinstance(answered, DestinationDead)
    assert "create an app password" in answered.reason
