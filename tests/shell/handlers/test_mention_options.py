"""Whom a failure calls: the options of the Slack notifier, and what Slack gets over TLS, by a webhook and as an app."""

import json
import pickle
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from enum import StrEnum
from pathlib import Path

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tests.servers.slack_api import SlackApiServer
from tocsin import (
    Failed,
    Flow,
    Live,
    Pending,
    Retrying,
    Running,
    Success,
    TriggerFailed,
    gmail_notifier,
    interpreting,
    slack_notifier,
    task,
)
from tocsin.adapters import SlackWebhook
from tocsin.core.changes import Key
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.slack import SlackMessage
from tocsin.interpreters import ByMail, Fallback
from tocsin.testing.value_strategies import TrackedJob

LOAD, OLD, NEW = TrackedJob("load"), Running(), Failed("disk full")
CALLING = slack_notifier(mention=["U0123ABCD", "S0123ABCD", "here"])
CALLED = "<@U0123ABCD> <!subteam^S0123ABCD> <!here>"
CANARY = "xoxb-1234-c4nary"


class Team(StrEnum):
    """Ids of people, as a program might keep them."""

    ANNA = "U0123ABCD"


class Liar(str):
    """A text that shows something else than it is."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return "U1> <!channel"

    def __str__(self) -> str:
        return "U1> <!channel"


def test_the_options_are_values() -> None:
    assert repr(CALLING) == "slack_notifier(mention=['U0123ABCD', 'S0123ABCD', 'here'])"
    assert pickle.loads(pickle.dumps(CALLING)) == CALLING
    assert CALLING(mention=None) == slack_notifier == slack_notifier(mention=[], mention_states=[Failed])
    assert CALLING(mention=("channel",)).notifier == slack_notifier(mention=iter(["channel", "channel"])).notifier
    assert repr(slack_notifier(mention_states=[Retrying, Failed])) == "slack_notifier(mention_states=[Failed, Retrying])"


def test_ids_may_be_of_a_class_of_their_own() -> None:
    assert slack_notifier(mention=[Team.ANNA]) == slack_notifier(mention=["U0123ABCD"])
    liar = slack_notifier(mention=[Liar("U0123ABCD")])
    assert repr(liar) == "slack_notifier(mention=['U0123ABCD'])"
    with pytest.raises(ValueError, match="item 1 of mentions is no id on Slack: "):
        SlackMessage("", "", "", "", mentions=(Liar("U0123ABCD"),))


FIND = "write the id that Slack copies from the person's profile"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("@anna", FIND),
        ("anna", FIND),
        ("anna@example.com", FIND),
        ("SRE", FIND),
        ("C0123ABCD", FIND),
        ("U0123ABCD\n", FIND),
        ("u0123abcd", FIND),
        ("U0123ÅBCD", FIND),
        ("", FIND),
        ("U" + "0" * 1_000_000, FIND),
        (CANARY, FIND),
        ("<@U0123ABCD>", "write 'U0123ABCD'"),
        ("<@U0123ABCD|anna>", "write 'U0123ABCD'"),
        ("@U0123ABCD", "write 'U0123ABCD'"),
        ("<!subteam^S0123ABCD>", "write 'S0123ABCD'"),
        ("<!channel>", "write 'channel'"),
        ("@Here", "write 'here'"),
    ],
)
def test_what_is_no_id_is_refused_with_what_to_write(given: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^item 2 of mention is no id on Slack: ") as caught:
        slack_notifier(mention=["here", given])
    text = str(caught.value)
    assert said in text
    assert text.isprintable()
    assert len(text) < 300
    assert "c4nary" not in text


def test_the_wrong_types() -> None:
    with pytest.raises(TypeError, match=r"^mention takes a list of ids on Slack, not a str: write mention=\['U0123ABCD'\]$"):
        slack_notifier(mention="here")
    with pytest.raises(TypeError, match=r"^mention takes a list of ids on Slack, not a int: "):
        slack_notifier(mention=3)  # type: ignore[call-overload]  # as in code that has no types
    with pytest.raises(TypeError, match=r"^item 1 of mention is no id on Slack: "):
        slack_notifier(mention=[3])  # type: ignore[list-item]  # as above
    with pytest.raises(TypeError, match=r"^mention_states takes a list of State classes, not Failed: write mention_states="):
        slack_notifier(mention_states=Failed)  # type: ignore[call-overload]  # as above
    with pytest.raises(TypeError, match=r"^gmail_notifier has no option 'mention': its options are "):
        gmail_notifier(mention=["here"])  # type: ignore[call-overload]  # as above


def test_there_are_at_most_ten() -> None:
    assert len(slack_notifier(mention=[f"U012{at:02}" for at in range(10)]).notifier.written()) == 1

    def endless() -> Iterator[str]:
        while True:
            yield "here"

    with pytest.raises(
        ValueError, match=r"^mention takes at most 10 ids: name a user group of Slack's, such as 'S0123ABCD', or 'here'$"
    ):
        slack_notifier(mention=endless())


def texts(server: SlackServer) -> list[str]:
    """Return the texts that came, and check that each mention is the only markup of its message."""
    found = []
    for request in server.requests:
        message = request.json
        assert isinstance(message, dict)
        assert message["mrkdwn"] is ("<" in message["text"])
        assert "<" not in json.dumps(message["attachments"])
        found.append(message["text"])
    return found


@pytest.mark.tocsin_live
def test_a_webhook_gets_the_mention_in_the_text(authority: Authority, slack_server: SlackServer) -> None:
    hostile = TrackedJob("<!channel> *load*")
    with live_at(authority, slack_server) as live, interpreting(live):
        CALLING(LOAD, OLD, NEW)
        CALLING(hostile, OLD, Failed("<@U1> `now`"))
        for state in (Success(), Running(), Pending(), Retrying()):
            CALLING(LOAD, OLD, state)
        CALLING(LOAD, OLD, TriggerFailed(), mention=["everyone"])
        CALLING(LOAD, OLD, Success(), mention_states=[Success])
        CALLING(LOAD, OLD, Running(), mention_states=[])
    bold, code = "\u200b*\u200bload\u200b*\u200b", "\u200b`\u200bnow\u200b`\u200b"
    assert texts(slack_server) == [
        f"{CALLED} load failed: disk full",
        f"{CALLED} &lt;!channel&gt; {bold} failed: &lt;@U1&gt; {code}",
        "load succeeded",
        "load started",
        "load is pending",
        "load will be tried again",
        "<!everyone> load was not run",
        f"{CALLED} load succeeded",
        f"{CALLED} load started",
    ]


@pytest.mark.tocsin_live
def test_an_app_gets_it_too_and_an_edit_calls_no_one_again(authority: Authority, ca_bundle: Path) -> None:
    api = SlackApiServer(authority.good)
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={}, api=api.url)
    live = Live(secrets={"SLACK_BOT_TOKEN": api.token}, slack=slack)

    @task(state_handlers=[CALLING(token_secret="SLACK_BOT_TOKEN", channel="#ops")], max_retries=1, retry_delay=timedelta(0))
    def load() -> None:
        raise OSError("disk full")

    with Flow("nightly") as flow:
        load()
    flow.run(interpreter=live)
    slack.close()
    api.stop()
    posts = [call.body for call in api.calls if call.method == "chat.postMessage"]
    edits = [call.body for call in api.calls if call.method == "chat.update"]
    calling = [post["text"] for post in posts if "<" in str(post["text"])]
    assert len(calling) == 1
    assert str(calling[0]).startswith(f"{CALLED} load failed after")
    assert posts[-1]["text"] == calling[0]
    assert [post["mrkdwn"] for post in posts] == [False] * (len(posts) - 1) + [True]
    assert edits
    assert not [edit for edit in edits if "<" in json.dumps(edit)]


@pytest.mark.tocsin_live
def test_a_fallback_mail_has_no_mention(authority: Authority, slack_server: SlackServer, gmail_server: GmailServer) -> None:
    slack_server.replies = [Reply(404, "no_service")]
    with live_at(authority, slack_server, gmail_server) as live, interpreting(Fallback(live, ByMail(live))):
        CALLING(LOAD, OLD, NEW)
    assert texts(slack_server)[0].startswith(CALLED)
    alarm, mail = (message_from_bytes(received.content, policy=default) for received in gmail_server.mails)
    parts = [part.get_content() for message in (alarm, mail) for part in message.walk() if not part.is_multipart()]
    assert str(mail["Subject"]).startswith("load failed")
    assert len(parts) == 4
    assert not [text for text in (*alarm.values(), *mail.values(), *parts) if "U0123ABCD" in text or "!here" in text]


def test_a_message_by_hand_calls_no_others() -> None:
    message = SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state")
    post = PostToSlack("SLACK_WEBHOOK_URL", attrs.evolve(message, mentions=("here",)), Key("run", "load", None, 0, 0), Bot("T", "#ops"))
    assert post.payload.mentions == ("here",)
    with pytest.raises(ValueError, match=r"^item 2 of mentions is no id on Slack: write 'channel'$"):
        attrs.evolve(message, mentions=("here", "<!channel>"))
