"""The outcome of each answer of an SMTP server."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tocsin.core.services.google import login_reply, password_reply, smtp_reply
from tocsin.effects import DeliveryError, DestinationDead, Rejected, Retryable


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


@pytest.mark.parametrize("reply", [password_reply, login_reply])
def test_a_login_that_is_refused_for_now_may_be_tried_again(reply: Callable[[int, str, str], DeliveryError]) -> None:
    expected = Retryable("mail.example.com asks for another try: 432 4.7.12 later")
    assert reply(432, "4.7.12 later", "mail.example.com") == expected


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (535, DestinationDead("mail.example.com refused the login: correct OUR_USER or OUR_PASSWORD (it says: 535 5.7.8 no more)")),
        (550, Rejected("mail.example.com refused the login: ask its operator what a login needs (it says: 550 5.7.8 no more)")),
    ],
)
def test_a_refused_login_names_the_server_its_words_and_the_secrets(code: int, outcome: DeliveryError) -> None:
    assert password_reply(code, "5.7.8 no\n5.7.8 more", "mail.example.com", ("OUR_USER", "OUR_PASSWORD")) == outcome


@pytest.mark.parametrize("code", [534, 535])
def test_a_refused_login_is_never_retried(code: int) -> None:
    answered = smtp_reply(code, "5.7.8")
    assert isinstance(answered, DestinationDead)
    assert "create an app password" in answered.reason
