"""Each failure is one log line; a dead destination is CRITICAL once; an outage is new once until it ends."""

import logging
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Change, Failed, Running, Task
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import fold
from tocsin.core.notifiers import SlackNotifier
from tocsin.effects import CallBack, Delivered, DestinationDead, Effect, Mail, PostToSlack, Rejected, SendEmail, Shown, SlackMessage
from tocsin.shell.log import Outages, complain, once

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


@pytest.mark.parametrize(("more", "said"), [(0, 2), (1, 2), (2, 2), (7, 7)])
def test_of_a_digest_the_further_messages_are_counted_once(more: int, said: int, caplog: pytest.LogCaptureFixture) -> None:
    posts = [notice for ordinal in range(3) for notice in SlackNotifier()(failure(ordinal))]
    digest = fold([post for post in posts if isinstance(post, PostToSlack)])
    complain(digest, Rejected("no"), more=more)
    complain(digest, Delivered(refused=("a@b.c",)), more=more)
    assert caplog.messages == [
        f"tocsin: could not tell Slack of 'load' and {said} more: no",
        f"tocsin: tell Slack of 'load' and {said} more: refused for a@b.c",
    ]


def failure(ordinal: int) -> Change:
    return Change(Task("load"), Running(), Failed(), datetime(2026, 1, 1, tzinfo=UTC), "r", "load", ordinal=ordinal)


def test_a_success_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    complain(SLACK, Delivered())
    complain(SLACK, Shown())
    assert not caplog.records


def test_a_text_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for text in ("no\nplace", "no room", "no\nplace"):
        once(text)
    assert caplog.messages == ["tocsin: no place", "tocsin: no room"]


@given(st.lists(st.tuples(st.sampled_from(["begins", "ends", "clear"]), st.sampled_from(["Slack", None, (1, "Slack")]))))
def test_an_outage_is_new_once_until_it_ends(steps: list[tuple[str, object]]) -> None:
    outages, known = Outages(), set[object]()
    for step, what in steps:
        if step == "begins":
            assert outages.begins(what) == (what not in known)
            known.add(what)
        elif step == "ends":
            assert outages.ends(what) == (what in known)
            known.discard(what)
        else:
            outages.clear()
            known.clear()


def test_of_many_threads_one_begins_an_outage_and_one_ends_it() -> None:
    outages, start, answers = Outages(), threading.Barrier(8), list[tuple[str, bool]]()

    def work() -> None:
        start.wait(10)
        answers.append(("begins", outages.begins("Slack")))
        start.wait(10)
        answers.append(("ends", outages.ends("Slack")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(answers) == 16
    assert sorted(step for step, first in answers if first) == ["begins", "ends"]
