"""``Fallback``: the second interpreter sends what the first failed to deliver, and an alarm for a dead destination."""

import logging
import os
import threading
from collections.abc import Callable
from email import message_from_bytes

import attrs
import pytest
from hypothesis import given
from returns.io import IOResult

from tests.laws.test_combining import ERRORS, OUTCOMES
from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.examples import KEY
from tocsin import DryRun, Failed, Live, Recording, Running, State, Success, Task, interpreting, slack_notifier
from tocsin.core.delivery.combining import after_fallback
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, DestinationDead, Outcome, Receipt, Rejected, Retryable, Withheld
from tocsin.effects import CallBack, Effect, PostToSlack
from tocsin.shell.interpreter import execute, notify_of, result_of
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.fallback import Fallback
from tocsin.shell.interpreters.rendered import ByMail
from tocsin.shell.redaction import remember
from tocsin.testing import assert_interpreter_agrees

pytestmark = pytest.mark.tocsin_live  # the interpreters here stand for ones that send

DEAD = DestinationDead("it is gone")


@attrs.frozen(eq=False)
class Scripted:
    """Returns the outcomes of a script, the last one for ever; keeps its effects."""

    script: list[Outcome]
    given: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.given.append(effect)
        return result_of(self.script.pop(0) if len(self.script) > 1 else self.script[0])


def post(webhook: str, new: State | None = None) -> PostToSlack:
    """Return a message to a webhook."""
    with interpreting(Recording()) as recording:
        slack_notifier(webhook_secret=webhook)(Task("load"), Running(), new or Failed("disk full"))
    effect = recording.effects[0]
    assert isinstance(effect, PostToSlack)
    return effect


def sentences(effects: list[Effect]) -> list[str]:
    return [effect.payload.fallback for effect in effects if isinstance(effect, PostToSlack)]


def test_what_the_first_delivers_is_not_sent_again() -> None:
    second = Recording()
    for receipt in (Delivered(("x@example.com",)), Withheld("recorded")):
        assert execute(Fallback(Scripted([receipt]), second), post("FIRST_WAY")) == receipt
    assert second.effects == ()


def test_what_the_first_fails_to_deliver_is_sent_by_the_second_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    message, second = post("SECOND_WAY"), Scripted([Delivered()])
    assert execute(Fallback(Scripted([Retryable("try later")]), second), message) == Delivered()
    assert second.given == [message]
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "tocsin: could not tell Slack of 'load': try later; the fallback delivered it")
    ]


def test_where_both_fail_the_outcome_names_both_and_the_caller_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    fallback = Fallback(Scripted([Rejected("too long")]), Scripted([Retryable("try later")]))
    assert execute(fallback, post("NO_WAY")) == Retryable("too long; and the fallback: try later")
    assert not caplog.records


def test_a_failure_that_may_have_arrived_is_sent_again_with_a_mark(caplog: pytest.LogCaptureFixture) -> None:
    second = Scripted([Delivered()])
    assert execute(Fallback(Scripted([Ambiguous("timed out")]), second), post("UNKNOWN_FAILURE")) == Delivered()
    assert sentences(second.given) == ["Possibly repeated: load failed: disk full"]
    assert caplog.messages == ["tocsin: may have failed to tell Slack of 'load': timed out; the fallback delivered it"]


def test_what_else_may_have_arrived_stays_unknown() -> None:
    second = Recording()
    assert execute(Fallback(Scripted([Ambiguous("timed out")]), second), post("UNKNOWN", Success())) == Ambiguous("timed out")
    assert second.effects == ()


def test_a_call_is_made_once_however_it_ends() -> None:
    second = Recording()
    call = CallBack(print, Task("load"), Failed(), KEY)
    for outcome in (Rejected("it raised"), DEAD, Delivered()):
        assert execute(Fallback(Scripted([outcome]), second), call) == outcome
    assert second.effects == ()


@given(ERRORS.filter(lambda error: not isinstance(error, Ambiguous)), OUTCOMES)
def test_the_outcome_combines_both(first: DeliveryError, second: Outcome) -> None:
    assert execute(Fallback(Scripted([first]), Scripted([second])), post("COMBINED")) == after_fallback(first, second)


def test_the_alarm_comes_once_before_the_message_until_the_destination_lives_again(caplog: pytest.LogCaptureFixture) -> None:
    alarm = "Slack (DEAD_ONCE) is dead: it is gone. Messages go by the fallback from now on."
    text = "load failed: disk full"
    first, second = Scripted([DEAD, DEAD, Retryable("later"), DEAD, Delivered(), DEAD, DEAD]), Scripted([Delivered()])
    fallback = Fallback(first, second)
    for _ in range(4):
        execute(fallback, post("DEAD_ONCE"))
    assert sentences(second.given) == [alarm, text, text, text, text]
    second.given.clear()
    for _ in range(3):
        execute(fallback, post("DEAD_ONCE"))
    assert sentences(second.given) == [alarm, text, text]
    assert [record.levelname for record in caplog.records].count("CRITICAL") == 2
    assert caplog.messages[0] == "tocsin: could not tell Slack of 'load': it is gone"


def test_each_destination_has_its_alarm_in_the_process_not_in_the_interpreter() -> None:
    second = Scripted([Delivered()])
    for webhook in ("DEAD_HERE", "DEAD_THERE", "DEAD_HERE"):
        execute(Fallback(Scripted([DEAD]), second), post(webhook))
    assert [said.partition(" is dead")[0] for said in sentences(second.given)] == [
        "Slack (DEAD_HERE)",
        "load failed: disk full",
        "Slack (DEAD_THERE)",
        "load failed: disk full",
        "load failed: disk full",
    ]


def test_an_alarm_that_fails_is_critical(caplog: pytest.LogCaptureFixture) -> None:
    fallback = Fallback(Scripted([DEAD]), Scripted([Retryable("try\nlater")]))
    assert [execute(fallback, post("DEAD_ALONE")) for _ in range(2)] == [Retryable("it is gone; and the fallback: try\nlater")] * 2
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("CRITICAL", "tocsin: could not tell Slack of 'load': it is gone"),
        ("CRITICAL", "tocsin: the alarm that Slack (DEAD_ALONE) is dead failed: try later"),
    ]


def test_refused_recipients_of_the_alarm_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    execute(Fallback(Scripted([DEAD]), Scripted([Delivered(("x@example.com",))])), post("DEAD_REFUSED"))
    assert "tocsin: tell Slack of 'load (destination dead)': refused for x@example.com" in caplog.messages


def test_the_alarm_holds_no_secret() -> None:
    remember("DEAD_LEAK", "https://hooks.slack.com/services/T0/B0/canarycanary")
    second = Scripted([Delivered()])
    execute(Fallback(Scripted([DestinationDead("no /services/T0/B0/canarycanary")]), second), post("DEAD_LEAK"))
    assert len(second.given) == 2
    assert "canary" not in repr(second.given)


def test_of_many_threads_one_sends_the_alarm() -> None:
    second = Scripted([Delivered()])
    fallback, message, start = Fallback(Scripted([DEAD]), second), post("DEAD_IN_THREADS"), threading.Barrier(8)

    def send() -> None:
        start.wait(10)
        execute(fallback, message)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(" is dead" in said for said in sentences(second.given)) == 1
    assert len(second.given) == 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_of_a_fork_knows_what_its_parent_knew() -> None:
    second = Scripted([Delivered()])
    fallback, known, news = Fallback(Scripted([DEAD]), second), post("DEAD_BEFORE_FORK"), post("DEAD_AFTER_FORK")
    execute(fallback, known)
    second.given.clear()
    child = os.fork()
    if not child:
        execute(fallback, known)
        execute(fallback, news)
        os._exit(len(second.given))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3  # one message, one alarm, one message
    execute(fallback, news)
    assert len(second.given) == 2  # the parent does not know what the child noticed


@pytest.mark.parametrize(
    "make", [lambda: Fallback(Background(Recording()), Recording()), lambda: Fallback(Recording(), Background(Recording()))]
)
def test_a_queueing_interpreter_is_refused(make: Callable[[], Fallback]) -> None:
    with pytest.raises(TypeError, match="Background answers before the outcome is known"):
        make()


def test_children_send_if_one_of_both_does() -> None:
    assert notify_of(Fallback(Recording(), Live())) == "live"
    assert notify_of(Fallback(DryRun(), Recording())) == "print"
    assert notify_of(Fallback(Recording(), Recording())) == "none"


def test_it_agrees_with_a_recording() -> None:
    assert_interpreter_agrees(lambda: Fallback(Recording(), Recording()), examples=10)
    assert_interpreter_agrees(lambda: Fallback(Scripted([Rejected("too long")]), Scripted([Delivered()])), examples=10)


def subjects(server: GmailServer) -> list[str]:
    return [str(message_from_bytes(mail.content)["Subject"]).replace("\r\n", "") for mail in server.mails]


@pytest.mark.tocsin_live
def test_mail_comes_where_slack_is_dead(
    slack_server: SlackServer, gmail_server: GmailServer, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Reply(404, "no_service")
    slack_server.replies = [gone, gone, gone, Reply(), gone]
    effects = [post("GONE_WEBHOOK", Failed(f"disk {number} full")) for number in range(5)]
    with live_at(authority, slack_server, gmail_server, {"GONE_WEBHOOK": slack_server.url}) as live:
        fallback = Fallback(live, ByMail(live, to=["ops@example.com"]))
        assert [execute(fallback, effect) for effect in effects] == [Delivered()] * 5
    dead = (
        "Slack (GONE_WEBHOOK) is dead: 127.0.0.1 answered no_service (HTTP 404): the webhook is disabled or removed: create a new one."
        " Messages go by the fallback from now on."
    )
    sent_by_mail = [f"load failed: disk {number} full" for number in (0, 1, 2)]
    assert subjects(gmail_server) == [dead, *sent_by_mail, dead, "load failed: disk 4 full"]
    assert all(mail.recipients == ("ops@example.com",) for mail in gmail_server.mails)
    assert len(slack_server.requests) == 5
    assert gmail_server.logins == 1
    assert [record.levelno for record in caplog.records].count(logging.CRITICAL) == 2
    assert slack_server.canary not in caplog.text + repr(gmail_server.mails)


@pytest.mark.tocsin_live
def test_where_both_are_dead_both_are_named(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    slack_server.replies = [Reply(404, "no_service")]
    secrets = {"BOTH_DEAD_WEBHOOK": slack_server.url, "EMAIL_PASSWORD": "wrong"}
    with live_at(authority, slack_server, gmail_server, secrets) as live:
        outcome = execute(Fallback(live, ByMail(live)), post("BOTH_DEAD_WEBHOOK"))
    assert isinstance(outcome, DestinationDead)
    assert "no_service" in outcome.reason
    assert "; and the fallback: " in outcome.reason
    assert "535" in outcome.reason
    assert gmail_server.mails == []
