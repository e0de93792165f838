"""``tocsin send``: what arrives, what it answers, and what it refuses."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import attrs
import pytest

from tests.cli.prefork import Prefork
from tests.cli.terminal_session import PATIENCE, Seen, Typist
from tests.servers.gmail import GmailServer
from tests.servers.slack import Reply, SlackServer
from tocsin.cli.send import main
from tocsin.shell.config.load import configuration
from tocsin.watching.recipients import forget


@attrs.frozen
class Office:
    """A machine on which Slack is configured."""

    home: Path
    server: SlackServer
    bundle: Path
    prefork: Prefork

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "SLACK_WEBHOOK_URL": self.server.url,
            "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
            "TOCSIN_SLACK_CA_BUNDLE": str(self.bundle),
            "TOCSIN_GMAIL_CA_BUNDLE": str(self.bundle),
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS")},
        }

    def send(self, *words: str, **variables: str) -> Seen:
        return self.prefork.run(self.home, "send", *words, environment={**self.environment, **variables})

    def pipe(self, text: bytes, *words: str) -> Seen:
        """Run the command in a process whose standard input is this text."""
        ran = subprocess.run(  # noqa: PLW1510 - the status is what is tested
            [sys.executable, "-m", "tocsin", "send", *words],
            env=self.environment,
            cwd=self.home,
            input=text,
            capture_output=True,
            timeout=PATIENCE,
        )
        return Seen(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    @property
    def attachments(self) -> list[dict[str, str]]:
        """The attachments of the messages that arrived, each with the sentence above it."""
        found = []
        for request in self.server.requests:
            message = request.json
            assert isinstance(message, dict)
            (attachment,) = message["attachments"]
            fields = {field["title"]: field["value"] for field in attachment["fields"]}
            found.append({**attachment, **fields, "sentence": message["text"]})
        return found


@pytest.fixture
def office(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path, prefork: Prefork) -> Office:
    return Office(tmp_path, slack_server, ca_bundle, prefork)


def test_a_text_arrives(office: Office) -> None:
    assert office.send("the disk is nearly full") == Seen(0, "", "")
    (message,) = office.attachments
    assert (message["sentence"], message["color"], message["text"]) == ("the disk is nearly full", "#696969", "")
    assert "Message" not in message


def test_a_title_a_state_and_a_link_are_shown(office: Office) -> None:
    seen = office.send("--title", "db-1", "--state", "failed", "--link", "https://example.com/1", "the disk is full", "--to", "slack")
    assert seen == Seen(0, "", "")
    (message,) = office.attachments
    assert (message["sentence"], message["title"], message["color"]) == ("db-1: the disk is full", "Failed", "#eb0000")
    assert (message["text"], message["title_link"]) == ("db-1 is now in a Failed state", "https://example.com/1")


def test_what_is_piped_is_sent_whole_and_invalid_text_survives(office: Office) -> None:
    output = b"Filesystem  Use%\n/dev/sda1    97%\n\xff\x00 <!channel> \x1b[31mred\x1b[0m\n"
    assert office.pipe(output, "--title", "disk", "-") == Seen(0, "", "")
    (message,) = office.attachments
    assert message["sentence"] == "disk: Filesystem Use%"
    assert message["Message"] == "```Filesystem  Use%\n/dev/sda1    97%\n\ufffd &lt;!channel&gt; red```"


def test_a_long_input_is_read_to_its_end_and_its_ends_are_kept(office: Office) -> None:
    assert office.pipe(b"begin\n" + b"middle\n" * 1_000_000 + b"end", "--title", "log") == Seen(0, "", "")
    (message,) = office.attachments
    assert message["sentence"] == "log: begin"
    assert message["Message"].startswith("```begin\nmiddle")
    assert message["Message"].endswith("end```")
    assert len(message["Message"]) < 1010


def test_a_secret_in_the_text_or_the_title_does_not_leave(office: Office) -> None:
    words = ("--title", f"job {office.server.url}", f"posting to {office.server.url}: {'a-value-of-the-mailer'}")
    assert office.send(*words, MAILER_TOKEN="a-value-of-the-mailer").status == 0
    body = office.server.requests[0].body.decode()
    assert office.server.canary not in body
    assert "a-value-of-the-mailer" not in body
    assert office.attachments[0]["sentence"] == "job [SLACK_WEBHOOK_URL]: posting to [SLACK_WEBHOOK_URL]: [MAILER_TOKEN]"


@pytest.mark.parametrize("options", [(), ("--notify", "print"), ("--notify", "print", "--json")])
def test_a_secret_leaves_by_no_option_and_in_no_preview(office: Office, options: tuple[str, ...]) -> None:
    (office.home / "a-value-of-the-mailer.csv").write_text("id")
    words = {
        "--title": "job a-value-of-the-mailer",
        "--link": "https://example.com/?key=a-value-of-the-mailer",
        "--attach": "a-value-of-the-mailer.csv",
    }
    given = [word for pair in words.items() for word in pair]
    text = "one line\nand a-value-of-the-mailer"
    seen = office.send(text, *given, "--attach", "gone/a-value-of-the-mailer", *options, MAILER_TOKEN="a-value-of-the-mailer")
    said = "".join([seen.out, seen.err, *(request.body.decode() for request in office.server.requests)])
    assert seen.status == 0
    assert "a-value-of-the-mailer" not in said
    assert said.count("[MAILER_TOKEN]") >= 5


@pytest.mark.parametrize("reply", [Reply(404, "no_service"), Reply(400, "invalid_payload")])
def test_what_is_not_delivered_is_one_line_and_status_1(office: Office, reply: Reply) -> None:
    office.server.replies = [reply] * 9
    seen = office.send("hello", "--title", "db-1")
    assert (seen.status, seen.out) == (1, "")
    assert seen.err.startswith("tocsin: could not tell Slack of 'db-1': ")
    assert seen.err.count("\n") == 1


def test_what_goes_through_an_outbox_is_sent_or_says_that_it_waits(office: Office) -> None:
    url = f"sqlite:///{office.home / 'outbox.sqlite'}"
    settings = {"TOCSIN_DELIVERY_OUTBOX": "true", "TOCSIN_DELIVERY_OUTBOX_SECRET": "OUTBOX_URL", "OUTBOX_URL": url}
    assert office.send("first", **settings) == Seen(0, "", "")
    office.server.replies = [Reply(503, "busy")] * 50
    seen = office.send("second", **settings, TOCSIN_DELIVERY_EXIT_TIMEOUT="1")
    assert (seen.status, seen.out) == (0, "queued in the outbox\n")


def test_a_file_is_named_and_one_that_is_not_there_is_said(office: Office) -> None:
    (office.home / "rows.csv").write_text("id\n7\n")
    seen = office.send("see the file", "--attach", str(office.home / "rows.csv"), "--attach", str(office.home / "gone.csv"))
    assert seen.status == 0
    assert seen.err == "tocsin: not attached to the message of 'tocsin': gone.csv: No such file or directory\n"
    assert office.attachments[0]["Not attached"] == "gone.csv: No such file or directory"


def test_of_many_files_20_go_and_each_has_a_name_of_its_own(office: Office) -> None:
    for folder in ("a", "b"):
        (office.home / folder).mkdir()
        (office.home / folder / "rows.csv").write_text("id\n7\n")
    paths = [str(office.home / folder / "rows.csv") for folder in "ab"]
    seen = office.send("see the files", *(word for path in paths * 11 for word in ("--attach", path)))
    assert seen.status == 0
    assert seen.err == "tocsin: not attached to the message of 'tocsin': rows.csv: 5 bytes, and a message holds 20 files\n"  # once
    (message,) = office.attachments
    assert "rows.csv (5 bytes), rows-2.csv (5 bytes), rows-3.csv" in message["Files"]
    assert message["Not attached"] == "\n".join(["rows.csv: 5 bytes, and a message holds 20 files"] * 2)


def test_it_goes_to_the_channels_that_are_named(office: Office, gmail_server: GmailServer) -> None:
    mail = {
        "EMAIL_USERNAME": gmail_server.username,
        "EMAIL_PASSWORD": gmail_server.password,
        "TOCSIN_GMAIL_HOST": "127.0.0.1",
        "TOCSIN_GMAIL_PORT": str(gmail_server.port),
    }
    assert office.send("to both", **mail) == Seen(0, "", "")
    assert office.send("to one", "--to", "gmail", **mail) == Seen(0, "", "")
    assert office.send("to each", "--to", "gmail", "--to=slack", **mail) == Seen(0, "", "")
    assert [message["sentence"] for message in office.attachments] == ["to both", "to each"]
    assert len(gmail_server.mails) == 3


@pytest.fixture
def unset(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process in which nothing is configured."""
    configuration.cache_clear()
    forget()
    yield monkeypatch
    configuration.cache_clear()
    forget()


def test_nothing_is_configured(office: Office) -> None:
    seen = office.send("hello", SLACK_WEBHOOK_URL="")
    assert (seen.status, seen.out) == (1, "")
    assert seen.err.startswith("tocsin: no message will be sent: set SLACK_WEBHOOK_URL")
    assert seen.err.count("\n") == 1
    (office.home / "tocsin.toml").write_text("notifiers = []\n")
    seen = office.send("hello")
    assert (seen.status, seen.out, seen.err) == (
        1,
        "",
        f"tocsin: no message will be sent: notifiers is empty ({office.home / 'tocsin.toml'}:1)\n",
    )


def test_it_is_printed_or_withheld_as_asked(unset: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--notify=print", "hello"]) == 0
    assert '"text": "hello"' in capsys.readouterr().out
    assert main(["--notify", "none", "hello"]) == 0
    assert capsys.readouterr() == ("", "")
    unset.setenv("TOCSIN_NOTIFY", "print")
    assert main(["hello"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["sentence"], printed["payload"]["text"]) == ("hello", "hello")


def test_a_preview_is_drawn_on_a_terminal(unset: pytest.MonkeyPatch) -> None:
    with redirect_stdout(Terminal()) as shown:
        assert main(["--notify=print", "--state=failed", "hello"]) == 0
    assert "Slack, to the webhook in SLACK_WEBHOOK_URL" in shown.getvalue()
    with redirect_stdout(Terminal()) as shown:
        assert main(["--notify=print", "--json", "hello"]) == 0
    assert json.loads(shown.getvalue())["sentence"] == "hello"


def test_an_error_of_ours_is_a_line_and_a_status(unset: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    unset.setattr("tocsin.watching.say.facts", lambda: 1 / 0)
    assert main(["--notify=print", "hello"]) == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_misspelt_variable_is_no_success(office: Office) -> None:
    seen = office.prefork.run(office.home, "send", "hello", environment={**office.environment, "TOCSIN_NOTIFY": "bogus"})
    assert seen.status == 1
    assert office.server.requests == []


def test_a_silence_is_said(office: Office) -> None:
    office.prefork.run(office.home, "silence", "db-1", "--for", "1h", environment=office.environment)
    seen = office.send("hello", "--title", "db-1")
    assert (seen.status, office.server.requests) == (0, [])
    assert seen.err.startswith("tocsin: not sent: silenced ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--titel", "x", "y"], "there is no option --titel: did you mean --title? (tocsin send --help shows all options)"),
        (["--to", "sms", "x"], "--to: 'sms' is none of slack, gmail (tocsin send --help shows all options)"),
        (["--to", "slak", "x"], "--to: 'slak' is none of slack, gmail: did you mean slack? (tocsin send --help shows all options)"),
        (["--to", "a': (b", "x"], "--to: \"a': (b\" is none of slack, gmail (tocsin send --help shows all options)"),
        (["--json=yes", "x"], "--json takes no value (tocsin send --help shows all options)"),
        (["--state", "faild", "x"], "--state: there is no state 'faild': did you mean failed? (tocsin send --help shows all options)"),
        (["--title", " ", "x"], "--title: ' ' is no title: write --title 'nightly load' (tocsin send --help shows all options)"),
        (
            ["--link", "example.com", "x"],
            "--link: 'example.com' is no http(s) URL: write --link https://example.com/runs (tocsin send --help shows all options)",
        ),
        (["the", "disk"], "there is no place for 'disk': write the text in quotation marks (tocsin send [options] [TEXT])"),
        ([" \n"], "the text is blank: write tocsin send [options] [TEXT]"),
        (["x", "--attach"], "--attach needs a value (tocsin send --help shows all options)"),
    ],
)  # fmt: skip
def test_a_usage_error_is_one_line(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err == f"tocsin: {error}\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin", [Terminal(), None])
def test_a_terminal_is_no_text(stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main([]) == 2
    assert capsys.readouterr().err == "tocsin: there is no text to send: write tocsin send 'the disk is full', or pipe a text to it\n"


def test_a_blank_input_sends_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert main(["-"]) == 1
    assert capsys.readouterr().err == "tocsin: nothing was sent: standard input is blank\n"


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_the_help_names_each_option(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x", word]) == 0
    shown = capsys.readouterr().out
    assert all(f"--{option} " in shown for option in ("title", "state", "to", "attach", "link", "notify", "json"))
    assert "usage: tocsin send [options] [TEXT]" in shown


def test_what_follows_two_dashes_is_the_text(unset: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--notify=print", "--", "--help"]) == 0
    assert '"text": "--help"' in capsys.readouterr().out


def test_ctrl_c_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tocsin.cli.send.parser", interrupted)
    assert main(["hello"]) == 128 + signal.SIGINT


def test_it_is_dispatched_before_the_extra_is_loaded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.setattr(sys, "argv", ["tocsin", "send", "--help"])
    with pytest.raises(SystemExit) as left:
        import_module("tocsin.cli").main()
    assert left.value.code == 0
    assert "usage: tocsin send" in capsys.readouterr().out


def test_behind_an_option_of_tocsin_it_says_where_it_stands(tocsin: Typist) -> None:
    seen = tocsin("send", "hello")
    assert (seen.status, seen.err) == (2, "tocsin: send must be the first argument: write tocsin send [options] [TEXT]\n")
