"""``tocsin check``: its output and exit status, and that no output holds a secret."""

import json
import logging
import os
import re
import socket
import sys
from pathlib import Path

import keyring
import pytest

from tests.cli.outbox.filled_outbox import Kept
from tests.cli.terminal_session import Typist, lines
from tests.servers.gmail import GmailServer
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.rings import Ring
from tocsin.core.outbox.model import Status
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
    rows = {row[0]: row[1:] for row in lines(tocsin("check", "--states")) if len(row) == 3}
    assert rows["state"] == ["slack", "gmail"]
    assert {"Failed", "TimedOut", "Running"} <= {kind for kind, row in rows.items() if row[0] == "yes"}
    assert (rows["Success"], rows["Skipped"], rows["Running"]) == (["no", "yes"], ["no", "no"], ["yes", "no"])
    assert {kind.__name__ for kind in KINDS} <= set(rows)


def test_what_each_notifier_tells_is_one_sentence(tocsin: Typist, servers: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_IGNORE", "Skipped")
    monkeypatch.setenv("TOCSIN_SLACK_ONLY", "Failed,Running")
    seen = tocsin("check")
    _, sentences, last = seen.out.split("\n\n")
    assert sentences.splitlines() == ["slack announces Running and Failed", "gmail announces Finished, but not Skipped"]
    assert last == "no fault found\n"


def test_whom_a_notifier_calls_is_said_too(tocsin: Typist, servers: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SLACK_MENTION", "U0123ABCD,here")
    sentences = tocsin("check").out.split("\n\n")[1].splitlines()
    assert sentences == ["slack announces Finished, and mentions U0123ABCD and here on Failed", "gmail announces Finished"]
    monkeypatch.setenv("TOCSIN_SLACK_MENTION_STATES", ",")
    assert "and mentions U0123ABCD and here on every state\n" in tocsin("check").out
    notifiers = json.loads(tocsin("check", "--json").out)["notifiers"]
    assert [notifier["mentions"] for notifier in notifiers] == [["U0123ABCD", "here"], []]


def test_the_same_for_programs(tocsin: Typist, servers: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFIERS", "slack")
    monkeypatch.setenv("TOCSIN_ONLY", "Failed,TimedOut")
    monkeypatch.setenv("TOCSIN_GMAIL_PRT", "1")
    seen = tocsin("check", "--json", "--connect")
    found = json.loads(seen.out)
    assert (seen.status, seen.err, found["faults"]) == (1, "", 1)
    (notifier,) = found["notifiers"]
    assert (notifier["name"], notifier["announces"]) == ("slack", "Failed")
    assert [name for name, answer in notifier["states"].items() if answer == "yes"] == [
        "Failed",
        "Aborted",
        "TimedOut",
        "TriggerFailed",
    ]
    (fault,) = [each for each in found["findings"] if each["is_fault"]]
    assert (fault["about"], bool(fault["remedy"])) == ("TOCSIN_GMAIL_PRT", True)
    reached = {"about": "127.0.0.1", "what": "reached, and its certificate is good", "remedy": None, "is_fault": False}
    assert reached in found["findings"]
    assert [place["exists"] for place in found["files"]] == [False]
    assert_no_canary(seen.out)


def test_a_state_folder_that_cannot_be_written_is_a_fault(tocsin: Typist, bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary")
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(bare_home / "state"))
    assert tocsin("check").status == 0
    assert not (bare_home / "state").exists()
    (bare_home / "state").write_text("a file")
    seen = tocsin("check")
    what = f"no run can be remembered in {bare_home / 'state'}"
    remedy = f"make {bare_home / 'state'} a folder in which you may write, or set TOCSIN_STATE_DIR to another folder"
    assert (seen.status, seen.err) == (1, "")
    assert ["FAULT", "history", what] in lines(seen)
    assert f"→ {remedy}\n" in seen.out
    found = json.loads(tocsin("check", "--json").out)
    assert {"about": "history", "what": what, "remedy": remedy, "is_fault": True} in found["findings"]


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, bare_home: Path) -> Path:
    """The file of a configured outbox; it is not there yet."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary")
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX", "1")
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(bare_home / "state"))
    return bare_home / "state" / "outbox.sqlite"


def test_the_outbox_is_looked_at_and_not_created(tocsin: Typist, outbox: Path) -> None:
    seen = tocsin("check")
    assert (seen.status, seen.err) == (0, "")
    assert ["outbox", f"there is none at {outbox} yet; the first message creates it"] in lines(seen)
    assert not outbox.parent.exists()
    kept = Kept(outbox)
    kept.put(Status.DEAD, Status.DEAD, Status.UNKNOWN, Status.DELIVERED, Status.DELAYED)
    assert ["outbox", f"{outbox} can be written; 1 message waits, 2 dead, 1 unknown"] in lines(tocsin("check"))


def test_an_outbox_that_cannot_be_used_is_a_fault(tocsin: Typist, outbox: Path) -> None:
    outbox.parent.mkdir()
    outbox.write_text("dear diary, " * 100)
    seen = tocsin("check")
    assert (seen.status, seen.err) == (1, "")
    (fault,) = [row for row in lines(seen) if row[:1] == ["FAULT"]]
    assert fault[1] == "outbox"
    assert fault[2].startswith(f"the outbox at {outbox} cannot be used: ")
    assert "→ move it away, and tocsin creates a new one; " in seen.out
    assert outbox.read_text().startswith("dear diary")


def test_an_outbox_that_cannot_be_created_is_a_fault(tocsin: Typist, outbox: Path, bare_home: Path) -> None:
    (bare_home / "state").write_text("a file")
    seen = tocsin("check")
    assert seen.status == 1
    assert ["FAULT", "outbox", f"{outbox} cannot be created"] in lines(seen)
    assert f"→ make {bare_home / 'state'} a folder in which you may write, or name another place" in seen.out


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:canary@127.0.0.1:{port}/shop", "postgresql://me@127.0.0.1:{port}/shop"),
        ("postgresql://me:canary@/shop?host=127.0.0.1&port={port}&sslmode=disable", "postgresql://me@/shop?host=127.0.0.1&port={port}"),
    ],
)
def test_a_database_that_is_down_is_a_fault(
    tocsin: Typist, outbox: Path, url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    with socket.socket() as free:  # bound and not listening: a connection is refused
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        monkeypatch.setenv("OUTBOX_URL", url.format(port=port))
        seen = tocsin("check")
    assert (seen.status, seen.err) == (1, "")
    assert ["OUTBOX_URL", "set, from environment variable OUTBOX_URL"] in lines(seen)
    (fault,) = [row for row in lines(seen) if row[:1] == ["FAULT"]]
    assert fault[1] == "outbox"
    assert fault[2].startswith(f"the outbox at {place.format(port=port)} cannot be used: ")
    assert "→ make sure that the server runs, and that its URL is right" in seen.out
    assert_no_canary(seen.out)


def test_the_database_of_an_outbox_is_probed(tocsin: Typist, outbox: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    monkeypatch.setenv("OUTBOX_URL", database)
    seen = tocsin("check")
    assert (seen.status, seen.err) == (0, "")
    (found,) = [row for row in lines(seen) if row[:1] == ["outbox"]]
    assert re.fullmatch(r"postgresql://\S+/\S+ can be written; 0 messages wait", found[1])


def test_without_the_url_of_the_outbox_there_is_one_fault(tocsin: Typist, outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    seen = tocsin("check")
    assert seen.status == 1
    assert [row for row in lines(seen) if row[:1] == ["FAULT"]] == [["FAULT", "OUTBOX_URL", "not set"]]


@pytest.mark.parametrize("name", ["cattrs", "sqlalchemy"])
def test_without_the_libraries_of_the_outbox_it_says_what_to_install(
    tocsin: Typist, outbox: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    seen = tocsin("check")
    assert seen.status == 1
    assert ["FAULT", "outbox", f"messages are not kept in it: {name} is not installed"] in lines(seen)
    assert "→ pip install 'tocsin[outbox]'" in seen.out


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
