"""Secrets are known to the redaction when the first text is made, though nothing looked them up to send."""

import json
import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import attrs
import keyring
import pytest
from typing_extensions import override

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tests.shell.adapters.rings import Ring
from tests.shell.homes import Home
from tocsin import (
    DryRun,
    Failed,
    Flow,
    Live,
    LoggingHandler,
    Recording,
    Running,
    Success,
    Task,
    callback_factory,
    flush,
    gmail_notifier,
    interpreting,
    reliable,
    slack_notifier,
    task,
    watch,
)
from tocsin.adapters import Secrets
from tocsin.core.changes import Change, Key
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Effect, PostToSlack
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.outcomes import Delivered, Outcome, Withheld
from tocsin.interpreters import ByMail, BySlack
from tocsin.shell import announce, redaction
from tocsin.shell.adapters.secrets import make_known
from tocsin.shell.interpreter import Wrapper, execute

VALUE = "canary-7f3a9b2c-of-the-database"
HOOK = "https://hooks.slack.com/services/T0/B0/canary4tok5en6of7hook8"
TOKEN = HOOK.rpartition("/")[2]
AT = datetime(2026, 1, 1, tzinfo=UTC)
HANDLERS = [slack_notifier(traceback=True), gmail_notifier(traceback=True)]


def raising() -> None:
    raise ValueError(f"no such user: {VALUE}, by {HOOK}")


def by_watch(recording: Recording) -> list[str]:
    with pytest.raises(ValueError, match="no such user"), watch("load", state_handlers=HANDLERS) as run:
        raising()
    assert run.report is not None
    return [run.report.explain(), repr(run.report)]


def by_flow(recording: Recording) -> list[str]:
    @task(state_handlers=HANDLERS)
    def load() -> None:
        raising()

    report = Flow("sums", tasks=[load], state_handlers=HANDLERS).run()
    return [report.explain(), repr(report), str(report.failures)]


def by_log(recording: Recording) -> list[str]:
    record = logging.LogRecord("loader", logging.ERROR, "x.py", 3, "no such user: %s, by %s", (VALUE, HOOK), None)
    LoggingHandler(state_handlers=HANDLERS).handle(record)
    return []


WAYS = [by_watch, by_flow, by_log]


def texts(recording: Recording) -> list[str]:
    posts = [post.payload.to_json() for post in recording.slack]
    assert posts
    return posts + [text for each in recording.mail for text in (each.mail.subject, each.mail.plain, each.mail.html)]


@pytest.fixture(params=["variable", "file that a variable names", "file of secrets"])
def configured(request: pytest.FixtureRequest, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a secret in the configuration, and set it and the webhook in one of three places."""
    monkeypatch.setenv("TOCSIN_SECRETS_NAMES", "DATABASE_PASSWORD")
    secrets = {"DATABASE_PASSWORD": VALUE, "SLACK_WEBHOOK_URL": HOOK}
    if request.param == "file of secrets":
        home.own.mkdir(parents=True)
        file = home.own / "secrets.toml"
        file.touch(0o600)
        file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in secrets.items()))
    for name, value in secrets.items():
        if request.param == "variable":
            monkeypatch.setenv(name, value)
        elif request.param == "file that a variable names":
            (tmp_path / name).write_text(f"{value}\n")
            monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("way", WAYS)
def test_what_the_configuration_names_is_hidden_though_nothing_is_sent(way: Callable[[Recording], list[str]]) -> None:
    with interpreting(Recording()) as recording:
        said = way(recording)
    for text in [*texts(recording), *said]:
        assert VALUE not in text
        assert TOKEN not in text
    assert any("[DATABASE_PASSWORD]" in text and "[SLACK_WEBHOOK_URL]" in text for text in texts(recording))


@pytest.mark.parametrize(
    "mistake", ["[slack]\ndedline = 3\n", "[slack]\ndeadline = 3s\n", "only = ['Failed'\n", "# \ud800\n", "\n" * 70_000, "o+w"]
)
def test_a_mistake_in_a_file_does_not_show_what_it_hides(mistake: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    names = '[slack]\nwebhook_secret = "TEAM_HOOK"\n[secrets]\nnames = ["DATABASE_PASSWORD"]\n'
    file = home.own_file(names if mistake == "o+w" else "")
    if mistake == "o+w":
        file.chmod(0o666)
    else:
        file.write_bytes((names + mistake.replace("[slack]\n", "[gmail]\n")).encode(errors="surrogatepass"))
    monkeypatch.setenv("DATABASE_PASSWORD", VALUE)
    monkeypatch.setenv("TEAM_HOOK", HOOK)
    with interpreting(Recording()) as recording:
        said = by_watch(recording)
    assert all(VALUE not in text and TOKEN not in text for text in [*texts(recording), *said])
    assert any("[DATABASE_PASSWORD]" in text and "[TEAM_HOOK]" in text for text in texts(recording))


def test_a_mistake_in_a_variable_does_not_show_what_it_hides(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SECRETS_NAMES", "DATABASE_PASSWORD,not a name")
    monkeypatch.setenv("TOCSIN_SLACK_WEBHOOK_SECRET", '"TEAM_HOOK"')
    monkeypatch.setenv("DATABASE_PASSWORD", VALUE)
    monkeypatch.setenv("TEAM_HOOK", HOOK)
    with interpreting(Recording()) as recording:
        said = by_watch(recording)
    assert all(VALUE not in text and TOKEN not in text for text in [*texts(recording), *said])


@pytest.mark.usefixtures("configured")
def test_a_dry_run_shows_none(capsys: pytest.CaptureFixture[str]) -> None:
    with interpreting(DryRun()):
        by_watch(Recording())
    out = capsys.readouterr().out
    assert "no such user: [DATABASE_PASSWORD]" in out
    assert VALUE not in out


@pytest.mark.usefixtures("configured")
@pytest.mark.tocsin_live
def test_a_log_line_of_a_callback_that_raises_shows_none(caplog: pytest.LogCaptureFixture) -> None:
    def fail(tracked_obj: object, state: object) -> None:
        raising()

    redaction.before_next_text(announce._know_secrets)  # as in a process that made no text yet
    with interpreting(Live()), watch("load", state_handlers=[callback_factory(fail, lambda state: isinstance(state, Success))]):
        pass
    assert "no such user: [DATABASE_PASSWORD]" in caplog.text
    assert VALUE not in caplog.text


@pytest.mark.usefixtures("home")
def test_a_secret_that_a_message_names_itself_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_WEBHOOK", HOOK)
    team = watch("load", state_handlers=[slack_notifier(webhook_secret="TEAM_WEBHOOK")])
    with interpreting(Recording()) as recording, pytest.raises(ValueError, match="no such"), team:
        raising()
    assert "[TEAM_WEBHOOK]" in texts(recording)[-1]
    assert TOKEN not in texts(recording)[-1]


@pytest.mark.usefixtures("home")
def test_a_value_that_changes_is_known_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with interpreting(Recording()) as recording:
        for number in range(2):
            monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{HOOK}{number}")
            with pytest.raises(ValueError, match="no"), watch("load", state_handlers=[slack_notifier(only_states=[Failed])]):
                raise ValueError(f"no: {os.environ['SLACK_WEBHOOK_URL']}")
    assert [TOKEN in text for text in texts(recording)] == [False, False]


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("home")
def test_a_row_of_an_outbox_that_waits_for_its_first_try_holds_none(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    live = Live(secrets={"SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/T0/B0/canary4tok5en6of7hook8", "OWN": VALUE})
    watched = watch("load", state_handlers=[slack_notifier(only_states=[Failed])])
    outbox = reliable(live, outbox=f"sqlite:///{path}")
    with closing(outbox), interpreting(outbox), pytest.raises(ValueError, match="no"), watched:
        raise ValueError(f"no: {VALUE} {TOKEN}")
    flush()
    with closing(sqlite3.connect(path)) as connection:
        bodies = [str(row) for row in connection.execute("SELECT * FROM messages").fetchall()]
    assert len(bodies) == 1
    assert "[OWN] [SLACK_WEBHOOK_URL]" in bodies[0]
    assert VALUE not in bodies[0]
    assert TOKEN not in bodies[0]


class Counting(Mapping[str, str]):
    """A user's own mapping, which counts how often it is read and may raise."""

    def __init__(self, error: Exception | None = None) -> None:
        self.read = 0
        self.error = error

    @override
    def __getitem__(self, name: str) -> str:
        self.read += 1
        if self.error is not None:
            raise self.error
        return VALUE

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(["OWN"])

    @override
    def __len__(self) -> int:
        return 1


@pytest.mark.usefixtures("home")
def test_nothing_is_read_for_a_change_that_is_filtered_out() -> None:
    redaction.redact("what waits to be read is read")
    mapping = Counting()
    secrets = Secrets(mapping)
    with interpreting(Recording()) as recording:
        with watch("load", state_handlers=[slack_notifier(only_states=[Failed])]):
            pass
        assert mapping.read == 0
        with pytest.raises(ValueError, match="no"), watch("load", state_handlers=[slack_notifier(only_states=[Failed])]):
            raise ValueError(f"no: {VALUE}")
    assert mapping.read == 1
    assert "no: [OWN]" in texts(recording)[0]
    assert repr(secrets)


@pytest.mark.usefixtures("home")
def test_a_mapping_that_raises_costs_nothing() -> None:
    mapping = Counting(LookupError("no vault"))
    secrets = Secrets(mapping)
    assert redaction.redact("text") == "text"
    assert mapping.read == 1
    assert repr(secrets)


def test_a_mapping_that_is_gone_is_not_read() -> None:
    mapping = Counting()
    Secrets(mapping)
    assert redaction.redact(VALUE) == VALUE
    assert mapping.read == 0


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = 'y'"])
def test_a_file_that_cannot_be_read_is_no_error(home: Home, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    home.own.mkdir(parents=True)
    (home.own / "secrets.toml").write_bytes(content)
    with interpreting(Recording()) as recording:
        by_watch(recording)
    assert VALUE in texts(recording)[-1]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class Asked(Ring):
    """A keyring that notes that it was asked."""

    asked = False

    @override
    def get_password(self, service: str, username: str) -> str | None:
        type(self).asked = True
        return super().get_password(service, username)


@pytest.mark.usefixtures("home")
def test_the_keyring_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SECRETS_KEYRING", "true")
    before = keyring.get_keyring()
    keyring.set_keyring(Asked())
    try:
        with interpreting(Recording()) as recording:
            by_watch(recording)
    finally:
        keyring.set_keyring(before)
    assert not Asked.asked


@pytest.mark.usefixtures("home")
@pytest.mark.tocsin_live
def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(file))
    for number, value in enumerate((VALUE, f"{VALUE}-of-tomorrow")):
        file.write_text(value)
        os.utime(file, (number, number))
        make_known(["DATABASE_PASSWORD"])
        assert redaction.redact(f"<{value}>") == "<[DATABASE_PASSWORD]>"


def test_other_threads_wait_for_secrets_that_are_being_read() -> None:
    began, seen = threading.Event(), list[str]()

    def slow() -> None:
        began.set()
        time.sleep(0.1)
        redaction.remember("OWN", VALUE)

    redaction.before_next_text(slow)
    first = threading.Thread(target=redaction.redact, args=("text",))
    first.start()
    assert began.wait(10)
    seen.append(redaction.redact(VALUE))
    first.join(10)
    assert seen == ["[OWN]"]


# What was made by hand.


def by_hand(text: str) -> PostToSlack:
    return PostToSlack("SLACK_WEBHOOK_URL", SlackMessage(text, "#eb0000", "Failed", text), Key("run", "load", None, 0, 0))


@pytest.mark.parametrize("wrap", [ByMail, BySlack])
def test_a_message_by_hand_is_searched_before_it_becomes_another(wrap: Callable[[Recording], Wrapper]) -> None:
    redaction.remember("OWN", VALUE)
    recording = Recording()
    assert execute(wrap(recording), by_hand(f"login {VALUE}")) == Withheld("recorded")
    for text in [post.payload.to_json() for post in recording.slack] + [mail.mail.plain + mail.mail.html for mail in recording.mail]:
        assert "login [OWN]" in text
        assert VALUE not in text


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("reason", ["disk full", f"login {VALUE}"])
def test_what_an_interpreter_adds_to_a_message_is_searched(reason: str, authority: Authority, slack_server: SlackServer) -> None:
    redaction.remember("OWN", VALUE)

    def add_footer(effect: Effect, /) -> Outcome:
        assert isinstance(effect, PostToSlack)
        return execute(live, attrs.evolve(effect, payload=attrs.evolve(effect.payload, footer=f"by {VALUE} & co")))

    with live_at(authority, slack=slack_server) as live:
        message = SlackNotifier()(Change(Task(f"load of {VALUE}"), Running(), Failed(reason), AT, "r", "s"))[0]
        assert isinstance(message, PostToSlack)
        assert add_footer(redacted_message(message, redaction.redact)) == Delivered()
        assert execute(live, message) == Delivered()
    changed, plain = (request.body.decode() for request in slack_server.requests)
    assert "by [OWN] &amp; co" in changed
    assert VALUE not in changed
    assert plain.count(VALUE) == plain.count(f"load of {VALUE}") > 0


SPLIT = "".join(f"{letter}\x1b[0m" for letter in VALUE)


def by_colours(recording: Recording) -> list[str]:
    with pytest.raises(ValueError, match="no"), watch("load", state_handlers=HANDLERS, show_arguments=True) as run:
        raise ValueError(f"no: {SPLIT}")
    assert run.report is not None
    return [run.report.explain(), repr(run.report)]


def by_coloured_log(recording: Recording) -> list[str]:
    record = logging.LogRecord("lo\x1b[1mader", logging.ERROR, "x.py", 3, "no: %s", (SPLIT,), None)
    LoggingHandler(state_handlers=HANDLERS).handle(record)
    return []


def by_note(recording: Recording) -> list[str]:
    def shout(change: Change) -> str:
        return f"\x1b[31mno: {SPLIT}"

    with watch("lo\x1b[1mader", state_handlers=[slack_notifier(message=shout), gmail_notifier(message=shout)]):
        pass
    return []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("way", [by_colours, by_coloured_log, by_note])
def test_terminal_controls_are_in_no_message_and_hide_no_secret(
    way: Callable[[Recording], list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_SECRETS_NAMES", "DATABASE_PASSWORD")
    monkeypatch.setenv("DATABASE_PASSWORD", VALUE)
    with interpreting(Recording()) as recording:
        said = way(recording)
    with interpreting(DryRun()):
        said += [*way(recording), capsys.readouterr().out]
    for text in [*texts(recording), *said]:
        assert VALUE not in text
        assert not re.search(r"\x1b|\\x1b|\\u001b|\[0m|\[1m|\ufffd", text)
    assert any("no: [DATABASE_PASSWORD]" in text for text in texts(recording))


def test_a_dry_run_prints_no_control_of_a_message_made_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    payload = SlackMessage("fa\x9b31miled\x7f", "#eb0000", "Failed", "load\x85")
    execute(DryRun(), PostToSlack("SLACK_WEBHOOK_URL", payload, Key("r", "load", None, 0, 0)))
    execute(DryRun(), CallBack(tinted, Task("load"), Failed("\x1b[31mred"), Key("r", "load", None, 0, 0)))
    out = capsys.readouterr().out
    assert '"fallback": "failed"' in out
    assert "Call of tinted for 'load' in Failed(\"red\")" in out
    assert all(character.isprintable() or character == "\n" for character in out)


def tinted(tracked_obj: object, state: object) -> None: ...


tinted.__qualname__ = "\x1b[31mtinted"
