"""Messages are sent by the other channel, calls are passed on; options are checked on construction."""

import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tocsin import (
    DryRun,
    Failed,
    Interpreter,
    Live,
    Recording,
    Running,
    Task,
    callback_factory,
    gmail_notifier,
    interpreting,
    slack_notifier,
)
from tocsin.core.effects import Bot
from tocsin.core.outcomes import Delivered, Outcome
from tocsin.effects import CallBack, PostToSlack, SendEmail
from tocsin.shell.interpreter import execute, notify_of
from tocsin.shell.interpreters.background import Background
from tocsin.shell.interpreters.rendered import ByMail, BySlack
from tocsin.testing import assert_interpreter_agrees


def announce(interpreter: Interpreter) -> None:
    """Announce a failure on Slack, by mail and to a function, under the interpreter."""
    with interpreting(interpreter):
        for handler in (slack_notifier, gmail_notifier(to=["boss@example.com"]), callback_factory(print, lambda _: True)):
            handler(Task("load"), Running(), Failed("disk full"))


def test_all_goes_by_mail() -> None:
    recording = Recording()
    announce(ByMail(recording, to=["ops@example.com"], cc=["boss@example.com"]))
    post, mail, call = recording.effects
    assert isinstance(post, SendEmail)
    assert isinstance(mail, SendEmail)
    assert post.mail.subject == mail.mail.subject == "load failed: disk full"
    assert post.mail.recipients == mail.mail.recipients == ("ops@example.com",)
    assert post.mail.cc == mail.mail.cc == ("boss@example.com",)
    assert isinstance(call, CallBack)


def test_all_goes_by_slack() -> None:
    recording = Recording()
    announce(BySlack(recording, webhook_secret="OPS_WEBHOOK"))
    post, mail, call = recording.effects
    assert isinstance(post, PostToSlack)
    assert isinstance(mail, PostToSlack)
    assert post.payload.fallback == mail.payload.fallback == "load failed: disk full"
    assert post.webhook_secret == mail.webhook_secret == "OPS_WEBHOOK"
    assert isinstance(call, CallBack)


def test_without_options_it_is_the_account_itself_and_the_usual_webhook() -> None:
    by_mail, by_slack = ByMail(Recording()), BySlack(Recording())
    assert (by_mail.to, by_mail.cc, by_slack.webhook_secret) == (None, (), "SLACK_WEBHOOK_URL")


def test_bad_options_are_refused_on_construction() -> None:
    with pytest.raises(TypeError, match=r"^to takes a list of addresses, not 'ops@example.com': write to=\['ops@example.com'\]$"):
        ByMail(Recording(), to="ops@example.com")
    with pytest.raises(ValueError, match=r"^to takes 1 to 100 addresses"):
        ByMail(Recording(), to=[])
    with pytest.raises(ValueError, match=r"^cc holds 'ops', and it is not an address"):
        ByMail(Recording(), cc=["ops"])
    with pytest.raises(ValueError, match=r"^webhook_secret takes the name of a secret, never the URL itself") as raised:
        BySlack(Recording(), webhook_secret="https://hooks.slack.com/services/T0/B0/canary")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("wrapper", [ByMail, BySlack])
def test_it_wraps_interpreters_that_answer_at_once(wrapper: type[ByMail] | type[BySlack]) -> None:
    with pytest.raises(TypeError, match="Background answers before the outcome is known"):
        wrapper(Background(Recording()))
    with pytest.raises(TypeError, match=r"write Recording\(\)"):
        wrapper(Recording)  # type: ignore[arg-type]  # as in code that has no types
    assert [notify_of(wrapper(each)) for each in (Live(), DryRun(), Recording())] == ["live", "print", "none"]
    assert_interpreter_agrees(lambda: wrapper(Recording()), examples=10)


@pytest.mark.tocsin_live
def test_it_arrives_by_the_other_channel(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    recording = Recording()
    announce(recording)
    post, mail, _ = recording.effects
    with live_at(authority, slack_server, gmail_server) as live:
        outcomes: list[Outcome] = [execute(ByMail(live, to=["ops@example.com"]), post), execute(BySlack(live), mail)]
    assert outcomes == [Delivered(), Delivered()]
    assert [each.recipients for each in gmail_server.mails] == [("ops@example.com",)]
    assert b"\r\nSubject: load failed: disk full\r\n" in gmail_server.mails[0].content
    assert len(slack_server.requests) == 1
    assert b"load failed: disk full" in slack_server.requests[0].body


def test_all_goes_by_an_app_on_slack() -> None:
    recording = Recording()
    by_slack = BySlack(recording, token_secret="OUR_TOKEN", channel="#ops")
    announce(by_slack)
    post, mail, call = recording.effects
    assert isinstance(post, PostToSlack)
    assert isinstance(mail, PostToSlack)
    assert post.payload.fallback == mail.payload.fallback == "load failed: disk full"
    assert post.bot == mail.bot == by_slack.bot == Bot("OUR_TOKEN", "#ops")
    assert isinstance(call, CallBack)


@pytest.mark.parametrize(
    ("options", "add"), [({"token_secret": "OUR_TOKEN"}, "channel='#ops'"), ({"channel": "#ops"}, "token_secret='SLACK_BOT_TOKEN'")]
)
def test_half_of_an_app_is_refused_on_construction(options: dict[str, str], add: str) -> None:
    with pytest.raises(ValueError, match=r"^to post to Slack as an app takes a token and a channel: add ") as raised:
        BySlack(Recording(), **options)
    assert str(raised.value).endswith(f": add {add} to BySlack(...)")


def test_bad_options_of_an_app_are_refused_on_construction() -> None:
    with pytest.raises(ValueError, match=r"^token_secret takes the name of a secret, never the token itself") as raised:
        BySlack(Recording(), token_secret="xoxb-canary", channel="#ops")
    assert "canary" not in str(raised.value)
    with pytest.raises(ValueError, match=r"^channel takes a name like '#ops'"):
        BySlack(Recording(), token_secret="OUR_TOKEN", channel="ops")
