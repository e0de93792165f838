"""Messages as HTML for a notebook: whatever the texts hold, there are only our tags, and nothing is loaded from elsewhere."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser

import attrs
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tests.cli.examples import KEY, effects
from tocsin import Failed, Recording, Running, Task, callback_factory, gmail_notifier, interpreting, slack_notifier
from tocsin.core.attachments import Attachment
from tocsin.core.messages.email import Mail
from tocsin.core.messages.html import TAGS, mail_html, slack_html
from tocsin.core.messages.slack import SlackField, SlackMessage
from tocsin.effects import Bot, PostToSlack, SendEmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.testing.value_strategies import texts

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = (
    "</pre><script>alert(1)</script>",
    '"><img src="https://example.com/x.png" onerror="alert(1)">',
    "red;background:url(https://example.com/x.png)",
    "javascript:alert(1)",
    "<!-- ",
    "&lt;b&gt;&amp;lt;",
    "```<b>```",
    "\x00\x1b[31m\ud800\u202e",
)
strings = st.sampled_from(HOSTILE) | texts()
fields = st.lists(st.builds(SlackField, strings, strings, st.booleans()), max_size=3).map(tuple[SlackField, ...])
attached = st.lists(st.builds(Attachment, strings, st.binary(max_size=3), strings), max_size=2).map(tuple[Attachment, ...])
payloads = st.builds(
    SlackMessage,
    fallback=strings,
    color=strings | st.just("#eb0000"),
    title=strings,
    text=strings,
    fields=fields,
    title_link=st.none() | strings,
    footer=st.none() | strings,
    ts=st.none() | st.integers(),
    mentions=st.lists(st.sampled_from(["U0123ABCD", "S0123ABCD", "here"]), max_size=2).map(tuple[str, ...]),
)
people = st.lists(strings, max_size=2).map(tuple[str, ...])
mails = st.builds(Mail, strings, strings, strings, st.none() | people, st.just(AT), people, attached)


class Reader(HTMLParser):
    """Reads a fragment as a browser does, and refuses all that is not ours."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        html.encode()  # a notebook is saved as UTF-8
        self.feed(html)
        self.close()
        assert not self.open

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Allow our tags, with a style of ours."""
        assert tag in TAGS
        assert [name for name, _ in attrs] in ([], ["style"])
        assert not any("url" in (value or "") or "expression" in (value or "") for _, value in attrs)
        self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.text += data

    @override
    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    @override
    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    @override
    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


@given(payloads, strings, attached)
def test_a_slack_message_holds_only_our_tags(payload: SlackMessage, heading: str, files: tuple[Attachment, ...]) -> None:
    read = Reader(slack_html(payload, heading, files))
    assert "\x1b" not in read.text


@given(mails, strings)
def test_a_mail_holds_only_our_tags(mail: Mail, heading: str) -> None:
    assert "\x1b" not in Reader(mail_html(mail, heading, "<EMAIL_USERNAME>")).text


@given(st.lists(st.builds(PostToSlack, strings, payloads, st.just(KEY)) | st.builds(SendEmail, strings, strings, mails, st.just(KEY))))
def test_a_recording_holds_only_our_tags(messages: list[PostToSlack | SendEmail]) -> None:
    recording = Recording()
    for message in messages:
        recording(message)
    assert f"<Recording of {len(messages)} effects>" in Reader(shown(recording)).text


def shown(value: object) -> str:
    """What a notebook shows of a value."""
    method: object = getattr(value, "_repr_html_", None)
    assert callable(method)
    html: object = method()
    assert isinstance(html, str)
    return html


def texts_of(value: object, expected: Mapping[str, bool]) -> None:
    """Check which texts a reader sees."""
    text = Reader(shown(value)).text
    assert {part: part in text for part in expected} == expected


def test_a_reader_sees_what_is_sent() -> None:
    post, mail = effects()
    expected = {"load failed after 4 m 12 s": True, "OSError: disk `full`, & <!channel>": True, "load is now in a Failed state": True}
    texts_of(post, {**expected, "Slack, to the webhook in SLACK_WEBHOOK_URL": True, "2026-01-02 03:04:05 UTC": True})
    texts_of(
        mail, {**expected, "Date: 2026-01-02 03:04:05 +0000": True, "<EMAIL_USERNAME>": True, "b@example.com": True, "<table": False}
    )


def test_the_colour_and_code_are_shown() -> None:
    (html, _) = map(shown, effects())
    assert "border-left:4px solid #eb0000" in html
    assert "Consolas" in html


def test_of_a_channel_and_a_file() -> None:
    payload = SlackMessage("load failed", "red", "Failed", "load", mentions=("here", "U0123ABCD"))
    post = PostToSlack("SLACK_WEBHOOK_URL", payload, KEY, Bot("TOKEN", "#ops"), None, (Attachment("plot.png", b"abc", "image/png"),))
    texts_of(post, {"to #ops": True, "@here @U0123ABCD load failed": True, "attached: plot.png (image/png, 3 bytes)": True})
    assert "border-left:4px solid #696969" in shown(post)
    texts_of(attrs.evolve(post, bot=None), {"load failed": True, "attached": False})  # a webhook takes no file


def test_a_message_without_a_text_has_no_room_for_it() -> None:
    bare, whole = (shown(PostToSlack("S", SlackMessage("hi", "#eb0000", "tocsin", text), KEY)) for text in ("", "load"))
    assert (bare.count("<pre"), whole.count("<pre")) == (1, 2)


def test_a_recording_shows_the_last_fifty_and_calls() -> None:
    with interpreting(Recording()) as recording:
        for number in range(51):
            slack_notifier(Task(f"load {number}."), Running(), Failed("disk full"))
        callback_factory(lambda _, __: None, lambda _: True)(Task("call"), Running(), Failed("disk full"))
        gmail_notifier(Task("mail"), Running(), Failed("disk full"))
    texts_of(recording, {"load 2.": False, "load 3.": True, "3 more before these": True, "for 'call' in Failed": True, "mail": True})
    texts_of(Recording(), {"<Recording of 0 effects>": True, "more": False})


def test_a_recording_hides_secrets_also_of_a_message_made_by_hand() -> None:
    Secret("HTML_CANARY", "canary-in-html-4711")
    recording = Recording()
    recording(PostToSlack("S", SlackMessage("at canary-in-html-4711", "#eb0000", "Failed", "load"), KEY))
    texts_of(recording, {"canary-in-html-4711": False, "at [HTML_CANARY]": True})


def test_a_long_text_is_cut() -> None:
    post = PostToSlack("S", SlackMessage("x" * 200_000, "#eb0000", "Failed", "load"), KEY)
    assert len(shown(post)) < 15_000
    sent = effects()[1]
    assert isinstance(sent, SendEmail)
    assert len(shown(attrs.evolve(sent, mail=attrs.evolve(sent.mail, plain="y" * 200_000)))) < 15_000
