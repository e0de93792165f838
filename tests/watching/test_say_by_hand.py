"""``tocsin.say``: the message, who gets it, and what becomes of wrong arguments."""

import re
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tocsin import Failed, Recording, Running, Success, TimedOut, gmail_notifier, interpreting, say, slack_notifier, watch
from tocsin.core.effects import PostToSlack, SendEmail
from tocsin.core.validation import invoke
from tocsin.effects import Delivered, DestinationDead
from tocsin.watching.emit import program_name

FAILURES = slack_notifier(only_states=[Failed])


def only(recording: Recording) -> PostToSlack:
    (effect,) = recording.effects
    assert isinstance(effect, PostToSlack)
    return effect


def test_a_text_alone_is_the_sentence(notifications: Recording) -> None:
    report = say("the disk is nearly full", state_handlers=[FAILURES])
    payload = only(notifications).payload
    assert (payload.fallback, payload.title, payload.text, payload.color) == (
        "the disk is nearly full",
        program_name(),
        "",
        "#696969",
    )
    assert [field.title for field in payload.fields if field.title in {"Message", "Run id", "Duration"}] == []
    assert [type(delivery.effect) for delivery in report.deliveries] == [PostToSlack]


@pytest.mark.parametrize("state", [TimedOut, "timedout", "TimedOut"])
def test_a_title_and_a_state_are_shown(state: type[TimedOut] | str, notifications: Recording) -> None:
    say("no answer", title="db-1", state=state, link="https://example.com/1", state_handlers=[slack_notifier])
    message = only(notifications)
    payload = message.payload
    assert (payload.fallback, payload.title, payload.text) == ("db-1: no answer", "TimedOut", "db-1 is now in a TimedOut state")
    assert (payload.color, payload.title_link, message.key.slug) == (TimedOut.color, "https://example.com/1", "db-1")


def test_the_report_counts_in_words(notifications: Recording) -> None:
    report = say("hello", title="load", state_handlers=[slack_notifier])
    assert repr(report) == "<RunReport of 'load': State(), 1 notification, 0 failed>"


def test_a_title_without_a_state_is_the_title(notifications: Recording) -> None:
    say("two\nlines", title="db-1", state_handlers=[slack_notifier])
    payload = only(notifications).payload
    assert (payload.fallback, payload.title, payload.text) == ("db-1: two", "db-1", "")
    assert next(field.value for field in payload.fields if field.title == "Message") == "```two\nlines```"


def test_a_mail_has_no_empty_headline(notifications: Recording) -> None:
    say("hello", state_handlers=[gmail_notifier])
    (mail,) = notifications.effects
    assert isinstance(mail, SendEmail)
    assert mail.mail.plain.startswith("hello\n\n")
    assert not mail.mail.plain.startswith("hello\n\n\n")


def test_say_and_a_run_make_the_same_message_of_the_same_facts(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES]) as run:
        run.say("half of it\nis done")
    say("half of it\nis done", title="load", state=Running, state_handlers=[FAILURES])
    one, other = (effect for effect in notifications.effects if isinstance(effect, PostToSlack))
    assert (one.payload.fallback, one.payload.title, one.payload.text) == (
        other.payload.fallback,
        other.payload.title,
        other.payload.text,
    )
    assert (one.payload.color, one.payload.fields) == (other.payload.color, other.payload.fields)


@pytest.mark.parametrize(
    ("to", "kinds"),
    [("slack", [PostToSlack]), ("gmail", [SendEmail]), (["gmail", "slack"], [PostToSlack, SendEmail])],
)
def test_it_goes_to_the_channels_that_are_named(to: object, kinds: list[type], notifications: Recording) -> None:
    invoke(say, "hello", to=to)
    assert [type(effect) for effect in notifications.effects] == kinds


def test_without_a_channel_it_goes_to_all_that_is_configured(notifications: Recording) -> None:
    say("hello")
    assert [type(effect) for effect in notifications.effects] == [PostToSlack]


def test_a_blank_text_sends_nothing(notifications: Recording) -> None:
    report = say(" \n", state_handlers=[slack_notifier])
    assert (notifications.effects, report.changes, report.deliveries) == ((), (), ())


def test_files_go_with_it_and_what_is_no_file_is_said(
    tmp_path: Path, notifications: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "rows.csv").write_bytes(b"id\n7\n")
    say("see", title="load", attach=[tmp_path / "rows.csv", b"\x00", tmp_path / "gone.csv"], state_handlers=[slack_notifier])
    message = only(notifications)
    assert [(file.name, file.content) for file in message.attachments] == [("rows.csv", b"id\n7\n"), ("data.bin", b"\x00")]
    assert [field.value for field in message.payload.fields if field.title == "Not attached"] == ["gone.csv: No such file or directory"]
    assert caplog.messages == ["tocsin: not attached to the message of 'load': gone.csv: No such file or directory"]


class Raising:
    @property
    def savefig(self) -> object:
        raise SystemExit(3)


class Shapeless:
    """A figure that cannot even be asked what it is: the look-up of its path raises."""

    def __fspath__(self) -> str:
        raise LookupError("no path")


def test_a_file_may_come_alone_and_a_figure_that_raises_is_said(notifications: Recording) -> None:
    say("see", attach=b"bytes", state_handlers=[slack_notifier])
    assert only(notifications).attachments[0].content == b"bytes"
    invoke(say, "see", attach=[Raising(), Shapeless()], state_handlers=[slack_notifier])
    last = notifications.effects[-1]
    assert isinstance(last, PostToSlack)
    assert [field.value for field in last.payload.fields if field.title == "Not attached"] == [
        "figure: it could not be drawn: SystemExit: 3\nattachment: LookupError: no path"
    ]


class Rude:
    def __str__(self) -> str:
        raise KeyboardInterrupt


class RudeFigure:
    @property
    def savefig(self) -> object:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("text", "attach"), [(Rude(), None), ("see", RudeFigure())])
def test_a_ctrl_c_passes(text: object, attach: object) -> None:
    with pytest.raises(KeyboardInterrupt):
        invoke(say, text, attach=attach, state_handlers=[slack_notifier])


def test_an_error_of_ours_is_a_line_in_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("tocsin.watching.say.facts", lambda: 1 / 0)
    report = say("hello", title="load", state_handlers=[slack_notifier])
    assert (report.changes, report.deliveries) == ((), ())
    assert caplog.messages == ["tocsin: could not notify about 'load', which goes on: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"state": "faild"}, "state takes a State class or the name of one, not 'faild': write state='failed'"),
        ({"state": 3}, "state takes a State class or the name of one, not 3: write state='failed'"),
        ({"state": Success()}, "state takes a State class or the name of one, not Success(): write state='failed'"),
        ({"to": "sms"}, "say: to takes 'slack', 'gmail' or a list of both, not 'sms': write to='slack'"),
        ({"to": []}, "say: to takes 'slack', 'gmail' or a list of both, not []: write to='slack'"),
        ({"to": 3}, "say: to takes 'slack', 'gmail' or a list of both, not 3: write to='slack'"),
        ({"to": "slack", "state_handlers": []}, "say takes to or state_handlers, not both: leave one of them out"),
        ({"link": "example.com"}, "link takes an http(s) URL, not 'example.com': write link='https://example.com/runs'"),
        ({"title": 3}, "3"),
        ({"state_handlers": [3]}, "3"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(options: dict[str, object], error: str) -> None:
    with pytest.raises(TypeError, match=re.escape(error)) as caught:
        invoke(say, "hello", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.tocsin_live
def test_it_is_delivered_or_the_report_says_why_not(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    slack_server.replies = [Reply(404, "no_service")]
    with live_at(authority, slack_server, gmail_server) as live, interpreting(live):
        report = say("hello", title="db-1", to=["slack", "gmail"]).wait()
    assert [type(delivery.outcome) for delivery in report.deliveries] == [DestinationDead, Delivered]
    assert len(report.failures) == 1
    assert report.explain().splitlines()[0] == "db-1: said 'hello'"


def test_a_text_about_a_failure_has_the_mentions(notifications: Recording) -> None:
    paging = slack_notifier(mention=["U0123ABCD"])
    say("the disk is full", state="failed", state_handlers=[paging])
    say("the disk has room again", state="success", state_handlers=[paging])
    say("the disk is half full", state_handlers=[paging])
    with watch("load", state_handlers=[paging(only_states=[Failed])]) as run:
        run.say("half of it is done")
    assert [post.payload.mentions for post in notifications.slack] == [("U0123ABCD",), (), (), ()]
