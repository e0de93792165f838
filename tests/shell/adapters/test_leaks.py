"""No secret's value appears in results, logs, output, ``repr``, pickles or exceptions."""

import http.client
import logging
import pickle
import signal
import smtplib
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.gmail import DROP, SILENT, GmailServer
from tests.servers.slack import Reply, SlackServer
from tests.shell.adapters.examples import account, post, send, webhook
from tocsin.core.outcomes import Retryable
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.slack_webhook import SlackWebhook


def everything(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    """Return all log records with their attributes, and all printed text."""
    return caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())


def test_slack_leaks_nothing(
    slack_server: SlackServer,
    ca_bundle: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    caplog.set_level(logging.DEBUG)
    echo = Reply(400, f"no such page: {slack_server.url}")
    broken = Reply(200, "ok", {"Location": slack_server.url, "Broken": "\r\n header\r\nwithout colon"})
    slack_server.replies = [Reply(), echo, Reply(302, headers={"Location": slack_server.url}), broken, Reply(manner="close")]
    slack = webhook(ca_bundle, read_timeout=0.2)
    outcomes = [post(slack, slack_server.url) for _ in range(5)]
    slack_server.stop()
    outcomes.append(post(slack, slack_server.url))
    shown = repr(outcomes) + repr(slack) + everything(caplog, capfd) + repr(pickle.dumps(slack))
    assert "TEAM_WEBHOOK" in shown
    assert "POST" in shown
    assert slack_server.canary not in shown
    assert slack_server.canary[:12] not in shown
    slack.close()


def test_gmail_leaks_nothing(
    gmail_server: GmailServer,
    ca_bundle: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtplib.SMTP, "debuglevel", 2)
    caplog.set_level(logging.DEBUG)
    password = gmail_server.password
    blob = b64encode(f"\0{gmail_server.username}\0{password}".encode()).decode()
    gmail = account(gmail_server, ca_bundle)
    outcomes: list[object] = []
    for stage, reply in (("AUTH", f"550 {blob} is {password}"), ("MAIL", DROP), ("DATA-END", f"552 {password}"), ("X", "")):
        gmail_server.script = {stage: reply}
        outcomes.append(send(gmail, gmail_server))
    shown = repr(outcomes) + repr(gmail) + everything(caplog, capfd) + repr(pickle.dumps(gmail))
    assert "[EMAIL_PASSWORD]" in shown
    assert not [part for part in (password, blob, blob[20:40]) if part in shown]
    gmail.close()


class Stop(BaseException):
    """An exception that a foreign signal handler might raise."""


@contextmanager
def interrupted(error: BaseException) -> Iterator[None]:
    """Raise ``error`` in this thread after a tenth of a second, as a signal handler does."""

    def strike(*_: object) -> None:
        raise error

    before = signal.signal(signal.SIGINT, strike)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def frames(error: BaseException) -> list[str]:
    """Return the locals of all frames in the exception's traceback that are ours or a library's."""
    ours = str(Path(__file__).parent)
    held = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return [repr(frame.f_locals) for frame in held if not frame.f_code.co_filename.startswith(ours)]


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot be interrupted there")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), Stop("now")])
@pytest.mark.parametrize("manner", ["silent", "drip body", "drip head"])
def test_an_interrupt_leaves_without_the_url(error: BaseException, manner: str, slack_server: SlackServer, ca_bundle: Path) -> None:
    replies = {"silent": Reply(manner="silent"), "drip body": Reply(body="x" * 99, manner="drip body")}
    slack_server.replies = [replies.get(manner, Reply(manner="drip head"))]
    slack = webhook(ca_bundle)
    with pytest.raises(type(error)) as caught, interrupted(error):
        post(slack, slack_server.url)
    held = frames(caught.value)
    assert held
    assert not [shown for shown in held if slack_server.canary in shown]
    assert caught.value.__context__ is None
    assert caught.value.args == error.args
    slack.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot be interrupted there")
@pytest.mark.parametrize("stage", ["GREETING", "AUTH", "RCPT", "DATA-END"])
def test_an_interrupt_leaves_without_the_password(stage: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script[stage] = SILENT
    gmail = account(gmail_server, ca_bundle)
    with pytest.raises(KeyboardInterrupt) as caught, interrupted(KeyboardInterrupt()):
        send(gmail, gmail_server)
    assert not [shown for shown in frames(caught.value) if gmail_server.password in shown]
    gmail_server.script.clear()
    send(gmail, gmail_server)
    assert len(gmail_server.mails) == 1  # the connection that was in the middle of a mail was not used again
    gmail.close()


def test_settings_are_values(ca_bundle: Path) -> None:
    for one, same, other in (
        (SlackWebhook(deadline=3, proxies={}), SlackWebhook(deadline=3, proxies={}), SlackWebhook()),
        (Gmail(ca_bundle=ca_bundle), Gmail(ca_bundle=str(ca_bundle)), Gmail()),
    ):
        assert one == same != other
        assert hash(one) == hash(same)
        assert pickle.loads(pickle.dumps(one)) == one
        assert repr(one) == repr(same)


def test_a_bundle_may_be_gone_when_settings_are_unpickled(tmp_path: Path, ca_bundle: Path, slack_server: SlackServer) -> None:
    copy = tmp_path / "ca.pem"
    copy.write_bytes(ca_bundle.read_bytes())
    pickled = pickle.dumps(webhook(copy))
    copy.unlink()
    slack = pickle.loads(pickled)
    assert isinstance(slack, SlackWebhook)
    outcome = post(slack, slack_server.url)
    assert not isinstance(outcome, Retryable)
    assert "ca_bundle is refused" in repr(outcome)
