"""Retries over real connections; and invalid compositions."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import BinaryIO

import attrs
import pytest
from returns.io import IOResult
from typing_extensions import override

from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.live import live_at
from tests.servers.loopback import Loopback, shut
from tests.servers.slack import Reply, SlackServer
from tocsin import (
    Failed,
    Live,
    Recording,
    Running,
    State,
    Success,
    Task,
    callback_factory,
    gmail_notifier,
    interpreting,
    slack_notifier,
)
from tocsin.core.delivery.rendering import MARK
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Effect, SendEmail
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Queued, Receipt, Rejected, Retryable
from tocsin.shell.adapters import tls
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.adapters.http import Transport
from tocsin.shell.adapters.mail_mime import mime
from tocsin.shell.interpreter import Interpreter, Queueing, Wrapper, execute, result_of
from tocsin.shell.interpreters.retrying import Retrying
from tocsin.shell.log import complain

pytestmark = pytest.mark.tocsin_live  # the interpreters here stand for ones that send

QUICK = RetryPolicy(attempts=3, initial_delay=0.01)


@attrs.define(eq=False)
class Hurried(Timer):
    """Time passes only in waits, which return at once."""

    time: float = 0.0

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.time += seconds


class Resetting(Loopback):
    """Closes each connection before a byte is sent."""

    @override
    def serve(self, sock: socket.socket, lines: BinaryIO) -> None:
        shut(sock)


@pytest.fixture
def resetting() -> Iterator[Resetting]:
    server = Resetting(None)
    yield server
    server.stop()


def slack_effect(state: State) -> Effect:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), state)
    return recording.effects[0]


def mail_effect(state: State) -> Effect:
    with interpreting(Recording()) as recording:
        gmail_notifier(Task("load"), Running(), state)
    return recording.effects[0]


def delivered(server: SlackServer, authority: Authority, state: State, timer: Timer | None = None) -> Outcome:
    with live_at(authority, server) as live:
        retrying = Retrying(live, QUICK) if timer is None else Retrying(live, QUICK, timer=timer)
        return execute(retrying, slack_effect(state))


@pytest.mark.tocsin_live
@pytest.mark.parametrize(("asked", "least", "below"), [("0", 0, 0.01), ("1", 1, 1.01), ("90", 90, 90.01)])
def test_slack_says_when(asked: str, least: float, below: float, slack_server: SlackServer, authority: Authority) -> None:
    timer = Hurried()
    slack_server.replies = [Reply(429, "", {"Retry-After": asked})]
    assert delivered(slack_server, authority, Failed(), timer) == Delivered()
    assert len(slack_server.requests) == 2
    assert least <= timer.time < below


@pytest.mark.tocsin_live
def test_slack_asks_for_more_time_than_there_is(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(429, "", {"Retry-After": "300"})]
    outcome = delivered(slack_server, authority, Failed())
    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("127.0.0.1 asks for fewer messages (HTTP 429); tried once in ")
    assert len(slack_server.requests) == 1


@pytest.mark.tocsin_live
def test_slack_has_trouble_for_a_while(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(500, ""), Reply(503, "rollup_error")]
    assert delivered(slack_server, authority, Success()) == Delivered()
    first, *others = [request.body for request in slack_server.requests]
    assert others == [first, first]


@pytest.mark.tocsin_live
def test_slack_has_trouble_for_good(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(500, "")] * 9
    outcome = delivered(slack_server, authority, Failed())
    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("127.0.0.1 has trouble of its own (HTTP 500); tried 3 times in ")
    assert len(slack_server.requests) == 3


@pytest.mark.tocsin_live
def test_a_failure_without_an_answer_is_sent_once_more(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(manner="close")]
    assert delivered(slack_server, authority, Failed("disk full")) == Delivered()
    first, second = (request.body.decode() for request in slack_server.requests)
    assert MARK not in first
    assert f'"fallback": "{MARK} load failed: disk full"' in second


@pytest.mark.tocsin_live
def test_a_failure_without_an_answer_is_not_sent_a_third_time(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(manner="close"), Reply(504, "")]
    outcome = delivered(slack_server, authority, Failed())
    assert isinstance(outcome, Ambiguous)
    assert "(HTTP 504): the message may have arrived; tried 2 times in " in outcome.reason
    assert len(slack_server.requests) == 2


@pytest.mark.tocsin_live
def test_a_success_without_an_answer_stays_unknown(slack_server: SlackServer, authority: Authority) -> None:
    slack_server.replies = [Reply(manner="close")]
    outcome = delivered(slack_server, authority, Success())
    assert isinstance(outcome, Ambiguous)
    assert outcome.reason.endswith("after the message went out: it may have arrived")
    assert len(slack_server.requests) == 1


@pytest.mark.tocsin_live
def test_a_repetition_outlives_an_outage_that_cuts_off_answers(slack_server: SlackServer, authority: Authority) -> None:
    policy, outage = (
        RetryPolicy(attempts=3, initial_delay=0.2),
        0.5,
    )  # a fifth of the usual delay, and an outage shorter than five of it
    slack_server.replies = [Reply(manner="close")] * 100

    def end_outage() -> None:
        while not slack_server.requests:
            time.sleep(0.01)
        time.sleep(outage)
        slack_server.replies.clear()

    ending = threading.Thread(target=end_outage)
    ending.start()
    with live_at(authority, slack_server) as live:
        assert execute(Retrying(live, policy), slack_effect(Failed("disk full"))) == Delivered()
    ending.join()
    told = [json.loads(request.body)["attachments"][0]["fallback"] for request in slack_server.requests]
    assert told == ["load failed: disk full", f"{MARK} load failed: disk full"]


@pytest.mark.tocsin_live
def test_a_mail_is_sent_again_under_its_own_id(gmail_server: GmailServer, authority: Authority) -> None:
    gmail_server.once = {"MAIL": "451 4.3.0 later", "DATA-END": DROP}
    effect = mail_effect(Failed("disk full"))
    with live_at(authority, gmail=gmail_server) as live:
        assert execute(Retrying(live, QUICK), effect) == Delivered()
    assert gmail_server.commands.count("DATA") == 2
    (mail,) = gmail_server.mails
    assert f"Subject: {MARK} load failed: disk full".encode() in mail.content
    assert isinstance(effect, SendEmail)
    assert message_id(mail.content) == message_id(mime(effect.mail, effect.key, gmail_server.username))


def mail_to(*names: str) -> Effect:
    """Return a mail about a failure to these names at example.com."""
    with interpreting(Recording()) as recording:
        gmail_notifier(Task("load"), Running(), Failed("disk full"), to=[f"{name}@example.com" for name in names])
    return recording.effects[0]


@pytest.mark.tocsin_live
def test_a_recipient_that_is_refused_for_now_is_tried_again_alone(gmail_server: GmailServer, authority: Authority) -> None:
    gmail_server.once = {"RCPT b@example.com": "450 4.2.1 come back later"}
    gmail_server.script = {"RCPT c@example.com": "550 5.1.1 no such user"}
    with live_at(authority, gmail=gmail_server) as live:
        outcome = execute(Retrying(live, QUICK), mail_to("a", "b", "c"))
    assert isinstance(outcome, Delivered)
    assert (outcome.refused, outcome.errors) == (("c@example.com",), (Rejected("127.0.0.1 refused the mail: 550 5.1.1 no such user"),))
    first, second = gmail_server.mails
    assert (first.recipients, second.recipients) == (("a@example.com",), ("b@example.com",))
    assert first.content == second.content
    assert gmail_server.commands.count("RCPT") == 4


@pytest.mark.tocsin_live
def test_a_recipient_that_stays_refused_is_in_the_outcome_and_in_the_log(
    gmail_server: GmailServer, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    gmail_server.script = {"RCPT b@example.com": "450 4.2.1 come\x1b[31m back later"}
    effect = mail_to("a", "b")
    with live_at(authority, gmail=gmail_server) as live:
        outcome = execute(Retrying(live, attrs.evolve(QUICK, attempts=3)), effect)
    complain(effect, outcome)
    assert outcome == Delivered(("b@example.com",))
    assert [mail.recipients for mail in gmail_server.mails] == [("a@example.com",)]
    (said,) = caplog.messages
    refused = "b@example.com (127.0.0.1 asks for another try: 450 4.2.1 come back later; tried 3 times in "
    assert said.startswith(f"tocsin: mail about 'load': refused for {refused}")


@pytest.mark.tocsin_live
def test_what_happens_to_the_rest_later_is_no_failure_of_the_mail(gmail_server: GmailServer, authority: Authority) -> None:
    gmail_server.once = {"RCPT b@example.com": "450 4.2.1 come back later"}
    with live_at(authority, gmail=gmail_server) as live:
        retrying = Retrying(Meanwhile(live, gmail_server, {"DATA-END": DROP}), QUICK)
        outcome = execute(retrying, mail_to("a", "b"))
    assert isinstance(outcome, Delivered)
    assert outcome.refused == ("b@example.com",)
    assert isinstance(outcome.errors[0], Ambiguous)
    assert [mail.recipients for mail in gmail_server.mails] == [("a@example.com",)]


@attrs.frozen(eq=False)
class Meanwhile(Wrapper):
    """Sends once, and has the server misbehave from then on."""

    server: GmailServer
    script: dict[str, str]

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        outcome = execute(self.inner, effect)
        self.server.script = self.script
        return outcome


def message_id(content: bytes) -> str | None:
    """Return the Message-ID of a mail."""
    return message_from_bytes(content)["Message-ID"]


@pytest.mark.tocsin_live
def test_no_layer_below_tries_again(resetting: Resetting, authority: Authority) -> None:
    url = f"https://127.0.0.1:{resetting.port}/services/T0/B0/x"
    with live_at(authority, secrets={"SLACK_WEBHOOK_URL": url}) as live:
        outcome = execute(Retrying(live, QUICK), slack_effect(Failed()))
    assert isinstance(outcome, Retryable)
    assert resetting.connections == QUICK.attempts


def test_the_http_client_does_not_retry() -> None:
    context = tls.context(None)
    assert not isinstance(context, Rejected)
    retries = Transport(context).max_retries
    assert (retries.total, retries.read) == (0, False)


@pytest.mark.tocsin_live
def test_a_call_is_made_once() -> None:
    calls: list[str] = []

    def fail(task: Task, state: State) -> None:
        calls.append(task.name)
        raise OSError("no route to host")

    with interpreting(Recording()) as recording:
        callback_factory(fail, State.is_failed)(Task("load"), Running(), Failed())
    outcome = execute(Retrying(Live(), timer=Hurried()), recording.effects[0])
    assert isinstance(outcome, Rejected)
    assert "raised OSError: no route to host" in outcome.reason
    assert calls == ["load"]


def test_an_interpreter_that_raises_has_rejected_the_effect() -> None:
    def broken(effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        raise OSError("no route to host")

    outcome = execute(Retrying(broken), slack_effect(Failed()))
    assert isinstance(outcome, Rejected)
    assert "broken raised OSError: no route to host" in outcome.reason


def test_children_do_as_the_inner_one_says() -> None:
    assert Retrying(Live()).notify == "live"
    assert Retrying(Recording()).notify == "none"


def test_the_jitter_of_the_machine_is_full() -> None:
    chances = [Retrying(Recording()).draw() for _ in range(100)]
    assert all(0 <= chance < 1 for chance in chances)
    assert min(chances) < 0.5 < max(chances)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_of_a_fork_do_not_pause_in_step() -> None:
    draw = Retrying(Recording()).draw
    draw()
    assert in_a_child(draw) != in_a_child(draw)


def in_a_child(draw: Callable[[], float]) -> str:
    """Return the next number that a forked child draws."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, repr(draw()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as output:
        drawn = output.read()
    assert os.waitpid(pid, 0)[1] == 0
    return drawn


class Later(Queueing):
    """A queueing interpreter."""

    @override
    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome:
        return Queued("here")

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(self.submit(effect, lambda _: None))


def test_what_cannot_be_wrapped() -> None:
    later = Later()
    assert execute(later, slack_effect(Failed())) == Queued("here")
    with pytest.raises(TypeError, match=r"write Later\(Retrying\(\.\.\.\)\)"):
        Retrying(later)
    with pytest.raises(TypeError, match=r"write Live\(\)"):
        Retrying(Live)  # type: ignore[arg-type]  # as in code that has no types
    with pytest.raises(TypeError, match=r"policy is a RetryPolicy, not 5: write Retrying\(\.\.\., RetryPolicy\(attempts=10\)\)"):
        Retrying(Recording(), 5)  # type: ignore[arg-type]  # as above


def test_it_shows_what_it_does() -> None:
    retrying: Interpreter = Retrying(Recording(), QUICK)
    policy = "RetryPolicy(attempts=3, initial_delay=0.01, max_delay=60.0, deadline=300.0)"
    assert repr(retrying) == f"Retrying(inner=<Recording of 0 effects>, policy={policy})"


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"attempts": 0}, ValueError, "attempts is a whole number from 1 on, not 0: write RetryPolicy(attempts=10)"),
        ({"attempts": True}, TypeError, "attempts is a whole number from 1 on, not True: write RetryPolicy(attempts=10)"),
        ({"attempts": 2.5}, TypeError, "attempts is a whole number from 1 on, not 2.5: write RetryPolicy(attempts=10)"),
        ({"initial_delay": 0}, ValueError, "initial_delay is a number of seconds above 0, not 0: write RetryPolicy(initial_delay=1.0)"),
        (
            {"initial_delay": float("nan")},
            ValueError,
            "initial_delay is a number of seconds above 0, not nan: write RetryPolicy(initial_delay=1.0)",
        ),
        (
            {"max_delay": float("inf")},
            ValueError,
            "max_delay is a number of seconds above 0, not inf: write RetryPolicy(max_delay=60.0)",
        ),
        ({"max_delay": 0.5}, ValueError, "max_delay is at least initial_delay, 1.0, not 0.5: write max_delay=1.0, or more"),
        ({"deadline": -1}, ValueError, "deadline is a number of seconds above 0, not -1: write RetryPolicy(deadline=300.0)"),
        ({"deadline": "5"}, TypeError, "deadline is a number of seconds above 0, not '5': write RetryPolicy(deadline=300.0)"),
        ({"deadline": True}, TypeError, "deadline is a number of seconds above 0, not True: write RetryPolicy(deadline=300.0)"),
    ],
)
def test_what_is_no_policy(options: dict[str, float], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        RetryPolicy(**options)  # type: ignore[arg-type]  # as above
    assert str(caught.value) == said
