"""``tocsin check``: its output and exit status, and that no output holds a secret."""

import logging
import os
from pathlib import Path

import keyring
import pytest

from tests.cli.terminal_session import Typist, lines
from tests.servers.gmail import GmailServer
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.rings import Ring
from tocsin.core.states import KINDS
from tocsin.shell.adapters.secret_files import secrets_file

CANARY = "canary"
pytestmark = pytest.mark.usefixtures("bare_home")


@pytest.fixture
def servers(
    slack_server: SlackServer, gmail_server: GmailServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[SlackServer, GmailServer]:
    """An environment that points to the test servers."""
    settings = {
        "SLACK_WEBHOOK_URL": slack_server.url,
        "EMAIL_USERNAME": gmail_server.username,
        "EMAIL_PASSWORD": gmail_server.password,
        "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
        "TOCSIN_SLACK_CA_BUNDLE": str(ca_bundle),
        "TOCSIN_SLACK_PROXIES": "http=http://127.0.0.1:9",
        "TOCSIN_GMAIL_HOST": "127.0.0.1",
        "TOCSIN_GMAIL_PORT": str(gmail_server.port),
        "TOCSIN_GMAIL_CA_BUNDLE": str(ca_bundle),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return slack_server, gmail_server


def assert_no_canary(*texts: str) -> None:
    """Check that no canary is in the texts."""
    assert not any(CANARY in text.casefold() for text in texts)


def test_where_nothing_is_set_the_remedy_is_said(tocsin: Typist) -> None:
    seen = tocsin("check", "--connect", "--send-test")
    assert (seen.status, seen.err) == (1, "")
    assert lines(seen)[1:] == [
        ["SLACK_WEBHOOK_URL", "not set"],
        ["EMAIL_USERNAME", "not set"],
        ["EMAIL_PASSWORD", "not set"],
        ["FAULT", "notifiers", "no message will be sent"],
        ["→ set SLACK_WEBHOOK_URL to the URL of an Incoming Webhook, which Slack's app settings give"],
        [],
        ["faults: 1"],
    ]


def test_an_empty_list_of_notifiers_is_a_fault(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFIERS", ",")
    seen = tocsin("check")
    assert seen.status == 1
    assert ["FAULT", "notifiers", "no message will be sent: the list is empty (environment variable TOCSIN_NOTIFIERS)"] in lines(seen)


def test_each_place_of_a_secret_is_said_and_no_value(tocsin: Typist, bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    monkeypatch.setenv("TOCSIN_SECRETS_KEYRING", "1")
    monkeypatch.setenv("TOCSIN_SECRETS_NAMES", "TOKEN,OTHER_TOKEN")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary")
    (bare_home / "user").write_text("canary@example.com\n")
    monkeypatch.setenv("EMAIL_USERNAME_FILE", str(bare_home / "user"))
    (bare_home / "empty").write_text("\n")
    monkeypatch.setenv("EMAIL_PASSWORD_FILE", str(bare_home / "empty"))
    own = secrets_file()
    assert own is not None
    own.parent.mkdir(parents=True)
    own.write_text('EMAIL_PASSWORD = "abcd efgh ijkl mnop"')
    own.chmod(0o600)
    seen = tocsin("check")
    keyring.set_keyring(before)
    assert (seen.status, seen.err) == (0, "")
    assert lines(seen)[1:6] == [
        ["SLACK_WEBHOOK_URL", "set, from environment variable SLACK_WEBHOOK_URL"],
        ["EMAIL_USERNAME", "set, from the file that EMAIL_USERNAME_FILE names"],
        ["EMAIL_PASSWORD", f"set, from {own}"],
        ["TOKEN", "set, from the keyring"],
        ["OTHER_TOKEN", "not set"],
    ]
    assert seen.out.endswith("\nno fault found\n")
    assert_no_canary(seen.out.replace("canary from", ""))


def test_what_each_notifier_tells_is_a_table(tocsin: Typist, servers: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_IGNORE", "Skipped")
    monkeypatch.setenv("TOCSIN_SLACK_ONLY", "Failed,Running")
    rows = {row[0]: row[1:] for row in lines(tocsin("check")) if len(row) == 3}
    assert rows["state"] == ["slack", "gmail"]
    assert {"Failed", "TimedOut", "Running"} <= {kind for kind, row in rows.items() if row[0] == "yes"}
    assert (rows["Success"], rows["Skipped"], rows["Running"]) == (["no", "yes"], ["no", "no"], ["yes", "no"])
    assert {kind.__name__ for kind in KINDS} <= set(rows)


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        (
            {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/triggers/canary"},
            "SLACK_WEBHOOK_URL  the webhook URL is refused: it starts a work",
        ),
        (
            {"SLACK_WEBHOOK_URL": "https://example.com/canary"},
            "SLACK_WEBHOOK_URL  the webhook URL is refused: it does not lead to hooks.sl",
        ),
        ({"SLACK_WEBHOOK_URL": "https://hooks.slack.com"}, "SLACK_WEBHOOK_URL  the webhook URL is refused: it has no path"),
        ({"SLACK_WEBHOOK_URL": "'https://hooks.slack.com/services/T/B/canary'"}, "SLACK_WEBHOOK_URL  it stands in quotation marks"),
        ({"EMAIL_USERNAME": '"a@b.example"', "EMAIL_PASSWORD": "canarycanarycana"}, "EMAIL_USERNAME     it stands in quotation marks"),
        ({"EMAIL_USERNAME": "a@b.example", "EMAIL_PASSWORD": '"canarycanarycana"'}, "EMAIL_PASSWORD     it stands in quotation marks"),
        ({"SLACK_WEBHOOK_URL": "canary"}, "SLACK_WEBHOOK_URL  the webhook URL is refused: it is not an https URL"),
        ({"SLACK_WEBHOOK_URL_FILE": "canary"}, "SLACK_WEBHOOK_URL  the file that SLACK_WEBHOOK_URL_FILE names cannot be read"),
        ({"EMAIL_USERNAME": "canary", "EMAIL_PASSWORD": "canarycanarycana"}, "EMAIL_USERNAME     this is not an address"),
        (
            {"EMAIL_USERNAME": "a@b.example", "EMAIL_PASSWORD": "Canary!"},
            "EMAIL_PASSWORD     this is neither an app password, which is 16 letters",
        ),
        ({"TOCSIN_NOTIFIERS": "gmail", "EMAIL_USERNAME": "a@b.example"}, "EMAIL_PASSWORD     not set"),
        ({"TOCSIN_ONLY": "canary"}, "TOCSIN_ONLY        takes a list of names of states, and its item 1 is none"),
    ],
)
def test_a_fault_has_its_remedy_and_nothing_is_connected_to(
    tocsin: Typist, variables: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen = tocsin("check", "--connect")
    assert (seen.status, seen.err) == (1, "")
    assert f"FAULT  {fault}" in seen.out
    assert all("→" in after for line, after in zip(seen.out.splitlines(), seen.out.splitlines()[1:], strict=False) if "FAULT" in line)
    assert_no_canary(seen.out)


def test_a_name_that_no_file_can_have(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CONFIG", "x" * 5000)
    seen = tocsin("check")
    assert (seen.status, seen.err) == (1, "")
    assert "it cannot be read: File name too long" in seen.out


def test_a_pipe_is_not_waited_for(tocsin: Typist, bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(bare_home / "pipe")
    monkeypatch.setenv("SLACK_WEBHOOK_URL_FILE", str(bare_home / "pipe"))
    assert (
        "FAULT  SLACK_WEBHOOK_URL  the file that SLACK_WEBHOOK_URL_FILE names is a pipe or the like, not a file" in tocsin("check").out
    )
    monkeypatch.delenv("SLACK_WEBHOOK_URL_FILE")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bare_home / "pipe"))
    seen = tocsin("check", "--connect")
    assert ["FAULT", "hooks.slack.com", f"REQUESTS_CA_BUNDLE is refused: {bare_home / 'pipe'} is not a file"] in lines(seen)
    assert "→ name a file of CA certificates, in PEM form, that you can read" in seen.out


def test_the_ways_are_open(tocsin: Typist, servers: tuple[SlackServer, GmailServer], caplog: pytest.LogCaptureFixture) -> None:
    slack, gmail = servers
    caplog.set_level(logging.DEBUG)
    seen = tocsin("check", "--connect")
    assert (seen.status, seen.err) == (0, "")
    assert ["127.0.0.1", "reached, and its certificate is good"] in lines(seen)
    assert ["127.0.0.1", "reached, its certificate is good, and the login is accepted"] in lines(seen)
    assert ([request.method for request in slack.requests], gmail.mails) == (["HEAD"], [])
    assert "HEAD" in caplog.text
    assert_no_canary(seen.out, caplog.text)


@pytest.mark.tocsin_live
def test_a_test_message_arrives_whatever_the_filters_say(
    tocsin: Typist, servers: tuple[SlackServer, GmailServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    slack, gmail = servers
    monkeypatch.setenv("TOCSIN_ONLY", "Failed")
    seen = tocsin("check", "--send-test")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.count("accepted: look whether you see it") == 2
    assert b"This is a test: messages arrive." in slack.requests[0].body
    assert b"This is a test: messages arrive." in gmail.mails[0].content
    assert (len(slack.requests), len(gmail.mails)) == (1, 1)
    assert_no_canary(seen.out)


@pytest.mark.tocsin_live
def test_a_test_message_that_is_refused(
    tocsin: Typist, servers: tuple[SlackServer, GmailServer], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack, gmail = servers
    slack.replies, gmail.script = [Reply(404, "no_service")], {"RCPT b@example.com": "550 5.1.1 nobody"}
    monkeypatch.setenv("TOCSIN_GMAIL_CC", "b@example.com")
    seen = tocsin("check", "--send-test")
    assert seen.status == 1
    assert ": this one is revoked" in seen.out
    assert ["FAULT", "test message by mail", "refused for b@example.com"] in lines(seen)
    assert len(caplog.records) == 2
    gmail.script = {"AUTH": "535 5.7.8 canaryapppasswrd"}
    assert "correct EMAIL_USERNAME or EMAIL_PASSWORD" in tocsin("check", "--send-test").out
    assert_no_canary(seen.out, seen.err, caplog.text)


def test_a_test_message_that_is_withheld_is_a_fault(
    tocsin: Typist, servers: tuple[SlackServer, GmailServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFY", "prnt")
    seen = tocsin("check", "--send-test")
    assert seen.status == 1
    assert "→ unset TOCSIN_NOTIFY" in seen.out
    assert servers[0].requests == []


def test_what_is_misspelt_is_misuse(tocsin: Typist) -> None:
    assert tocsin("check", "--conect").status == 2
