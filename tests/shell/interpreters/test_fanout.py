"""``Fanout``: all interpreters send, and the outcome combines theirs."""

import logging

import attrs
import pytest
from returns.io import IOResult

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.examples import KEY, MESSAGE
from tocsin import DryRun, Failed, Live, Recording, Task
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Outcome, Receipt, Retryable
from tocsin.effects import CallBack, Effect, PostToSlack
from tocsin.shell.interpreter import execute, notify_of, result_of
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.fallback import Fanout
from tocsin.shell.interpreters.rendered import ByMail
from tocsin.testing import assert_interpreter_agrees

pytestmark = pytest.mark.tocsin_live  # the interpreters here stand for ones that send

DEAD = DestinationDead("it is gone")


@attrs.frozen(eq=False)
class Scripted:
    """Returns the outcomes of a script, and notes its name when called."""

    name: str
    asked: list[str]
    script: list[Outcome]

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.asked.append(self.name)
        return result_of(self.script.pop(0))


def post(webhook: str) -> PostToSlack:
    return PostToSlack(webhook, MESSAGE, KEY)


def test_all_are_asked_in_order_whatever_the_others_say() -> None:
    asked: list[str] = []
    later, well = Scripted("b", asked, [Retryable("later")]), Scripted("c", asked, [Delivered()])
    fanout = Fanout(Scripted("a", asked, [DEAD]), later, well)
    expected = Ambiguous("1 of 3 took it, as far as is known; number 1: it is gone; number 2: later")
    assert execute(fanout, post("FANOUT_IN_ORDER")) == expected
    assert asked == ["a", "b", "c"]


def test_one_that_raises_does_not_keep_it_from_the_others() -> None:
    asked: list[str] = []
    outcome = execute(Fanout(Scripted("a", asked, []), Scripted("b", asked, [Delivered()])), post("FANOUT_RAISING"))
    assert asked == ["a", "b"]
    assert isinstance(outcome, Ambiguous)
    assert "number 1: the interpreter Scripted raised IndexError" in outcome.reason


def test_a_call_is_made_once() -> None:
    first, second = Recording(), Recording()
    call = CallBack(print, Task("load"), Failed(), KEY)
    assert execute(Fanout(first, second), call) == execute(Recording(), call)
    assert (first.effects, second.effects) == ((call,), ())


def test_no_interpreter_and_queueing_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Fanout needs an interpreter at least: write "):
        Fanout()
    with pytest.raises(TypeError, match="Background answers before the outcome is known"):
        Fanout(Recording(), Background(Recording()))
    with pytest.raises(TypeError, match="an interpreter is needed, and 5 is none"):
        Fanout(5)  # type: ignore[arg-type]  # as in code that has no types


def test_children_send_if_one_of_them_does() -> None:
    assert notify_of(Fanout(Recording(), DryRun(), Live())) == "live"
    assert notify_of(Fanout(Recording(), DryRun())) == "print"
    assert notify_of(Fanout(Recording())) == "none"


def test_it_agrees_with_a_recording() -> None:
    assert_interpreter_agrees(lambda: Fanout(Recording(), Recording()), examples=10)


def test_a_dead_part_is_critical_once_until_it_delivers_again(caplog: pytest.LogCaptureFixture) -> None:
    script: list[Outcome] = [DEAD, DEAD, Delivered(), DEAD]
    fanout = Fanout(Scripted("a", [], [Delivered()] * 4), Scripted("b", [], script))
    counts: list[int] = []
    for _ in range(4):
        execute(fanout, post("FANOUT_LOUD"))
        counts.append(len(caplog.records))
    assert counts == [1, 1, 1, 2]
    assert {record.levelno for record in caplog.records} == {logging.CRITICAL}
    assert set(caplog.messages) == {"tocsin: could not tell Slack of 'load': it is gone"}


def test_the_caller_reports_that_all_are_dead(caplog: pytest.LogCaptureFixture) -> None:
    outcome = execute(Fanout(Scripted("a", [], [DEAD]), Scripted("b", [], [DEAD])), post("FANOUT_ALL_DEAD"))
    assert outcome == DestinationDead("0 of 2 took it, as far as is known; number 1: it is gone; number 2: it is gone")
    assert not caplog.records


@pytest.mark.tocsin_live
def test_both_send(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    slack_server.replies = [Reply(), Reply(503, "")]
    with live_at(authority, slack_server, gmail_server) as live:
        fanout = Fanout(live, ByMail(live, to=["ops@example.com"]))
        assert execute(fanout, post("SLACK_WEBHOOK_URL")) == Delivered()
        outcome = execute(fanout, post("SLACK_WEBHOOK_URL"))
    assert isinstance(outcome, Ambiguous)
    assert outcome.reason.startswith("1 of 2 took it, as far as is known; number 1: 127.0.0.1 has trouble")
    assert len(slack_server.requests) == len(gmail_server.mails) == 2
    assert all(b"\r\nSubject: load failed\r\n" in mail.content for mail in gmail_server.mails)
