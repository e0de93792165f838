"""Laws of interpreters: the same flow gives the same effects under each, and a dry run uses no socket and no secret."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import attrs
import pytest

from tests.laws import dry_runs
from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tocsin import DryRun, Failed, Flow, Interpreter, Recording, Running, gmail_notifier, slack_notifier, task
from tocsin.effects import Effect, PostToSlack, SendEmail


@task(state_handlers=[slack_notifier(ignore_states=[Running])])
def add(x: int, y: int = 1) -> int:
    return x + y


@task(state_handlers=[slack_notifier, gmail_notifier(only_states=[Failed], to=["ops@example.com"])])
def divide(x: int) -> float:
    return 1 / x


def classic() -> Flow:
    with Flow("classic", state_handlers=[slack_notifier(only_states=[Failed])]) as flow:
        divide(add(-1))
    return flow


def announced(effect: Effect) -> tuple[str, str, object]:
    """Return the content of an effect without the run's id and the times."""
    match effect:
        case PostToSlack(webhook_secret=secret, payload=payload):
            varying = {"Run id", "Duration"}
            kept = tuple(field for field in payload.fields if field.title not in varying)
            return secret, payload.text, attrs.evolve(payload, fallback="", ts=None, fields=kept)
        case SendEmail(username_secret=secret, mail=mail):
            return secret, mail.plain.split("\n", 1)[0], mail.recipients
        case _:
            raise AssertionError(effect)


def effects_under(interpreter: Interpreter) -> list[tuple[str, str, object]]:
    report = classic().run(interpreter=interpreter)
    assert not report.failures
    return [announced(delivery.effect) for delivery in report.deliveries]


@pytest.mark.tocsin_live
def test_live_dry_and_recording_see_the_same_effects(
    slack_server: SlackServer, gmail_server: GmailServer, authority: Authority
) -> None:
    with live_at(authority, slack_server, gmail_server) as live:
        seen = effects_under(live)
    assert seen == effects_under(DryRun(StringIO()))
    recording = Recording()
    assert seen == effects_under(recording) == [announced(effect) for effect in recording.effects]
    assert len(seen) == len(slack_server.requests) + len(gmail_server.mails) == 5


def watched(way: str, folder: Path) -> tuple[list[str], str]:
    """Run the program ``dry_runs``; return its uses of sockets and secrets, and its output."""
    secret, seen = folder / "secret", folder / "seen"
    secret.write_text("https://hooks.slack.com/services/T0/B0/canary")
    seen.write_text("")
    inherited = {name: value for name, value in os.environ.items() if name not in {"TOCSIN_NOTIFY", "SLACK_WEBHOOK_URL"}}
    environment = {**inherited, "SLACK_WEBHOOK_URL_FILE": str(secret), "DRY_SEEN": str(seen)}
    done = subprocess.run(
        [sys.executable, dry_runs.__file__, way], env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    return seen.read_text().splitlines(), done.stdout


@pytest.mark.parametrize("way", dry_runs.WAYS)
def test_a_dry_run_opens_no_socket_and_reads_a_secret_only_to_hide_it(way: str, tmp_path: Path) -> None:
    seen, printed = watched(way, tmp_path)
    assert [line for line in seen if not line.startswith("open in ")] == ["notified"]
    assert "canary" not in printed
    assert printed.count("Slack, to the webhook in SLACK_WEBHOOK_URL:") == 3


def test_the_audit_hook_observes_a_live_run(tmp_path: Path) -> None:
    seen, printed = watched("live", tmp_path)
    assert any(line.startswith("open in ") for line in seen)
    assert any(line.startswith("socket.") for line in seen)
    assert not printed
