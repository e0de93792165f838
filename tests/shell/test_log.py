"""Each failure is one log line; a dead destination is CRITICAL once."""

import logging
from datetime import UTC, datetime

import pytest

from tocsin import Failed, Task
from tocsin.core.changes import Key
from tocsin.effects import CallBack, Delivered, DestinationDead, Effect, Mail, PostToSlack, SendEmail, Shown, SlackMessage
from tocsin.shell.log import complain

KEY = Key("r", "load\x1b[31m\nline", None, 0, 0)
SLACK = PostToSlack("ONLY_HERE", SlackMessage("f", "#000000", "t", "x"), KEY)
MAIL = SendEmail("USER_ONLY_HERE", "WORD", Mail("s", "p", "h", None, datetime(2026, 1, 1, tzinfo=UTC)), KEY)

CALL = CallBack(print, Task("load"), Failed(), KEY)


@pytest.mark.parametrize("effect", [SLACK, MAIL, CALL])
def test_a_dead_destination_is_critical_once(effect: Effect, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        complain(effect, DestinationDead("it is gone"))
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL, logging.ERROR, logging.ERROR]
    assert all("\n" not in line and "\x1b" not in line for line in caplog.messages)


def test_a_success_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    complain(SLACK, Delivered())
    complain(SLACK, Shown())
    assert not caplog.records
