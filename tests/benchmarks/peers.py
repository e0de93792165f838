"""Peers: other programs that send to Slack or by mail, or that store messages.

- Each peer has its own process, which imports nothing of ours; our process imports nothing of a peer.
- A peer is a few lines that define ``send()``, which sends one message or raises. The names at the top of ``_CHILD`` lead to the
  servers.
- A peer is unchanged, except for the destination of its messages if that is fixed. Its name says if it limits its own rate.
- A peer that is not installed is not measured.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import attrs

_CHILD = """
import os, sys, timeit
HOST, PORT, WEBHOOK = os.environ.get("HOST"), int(os.environ.get("PORT", "0")), os.environ.get("WEBHOOK")
USERNAME, PASSWORD = os.environ.get("USERNAME"), os.environ.get("PASSWORD")
TITLE, TEXT = "load: Failed", "no such table: orders"
{lines}
send()
print("ready", flush=True)
timer = timeit.Timer(send)
for line in sys.stdin:
    print(timer.timeit(int(line)), flush=True)
"""


@attrs.frozen
class Peer:
    """Another program that sends messages.

    Args:
        name: its name in the table.
        package: the distribution that it needs; None: the standard library is enough.
        lines: the code that defines ``send()``.
        target: the wanted speed of ours, as a multiple of the peer's.
        calls: messages per round.
        rounds: number of rounds.
    """

    name: str
    package: str | None
    lines: str
    target: float = 1
    calls: int = 5
    rounds: int = 21

    @property
    def missing(self) -> bool:
        """Whether the distribution that it needs is missing."""
        return self._release() is None

    def __str__(self) -> str:
        return f"{self.name} ({self._release()})" if self.package else self.name

    def _release(self) -> str | None:
        try:
            return "" if self.package is None else version(self.package)
        except PackageNotFoundError:
            return None

    @contextmanager
    def sending(self, environment: dict[str, str]) -> Iterator[Callable[[int], float]]:
        """Start the peer and send a first message; yield a function that sends more and returns the seconds they took."""
        command = [sys.executable, "-I", "-W", "ignore", "-c", _CHILD.format(lines=self.lines)]
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None
            assert stdout is not None
            assert stdout.readline() == "ready\n"

            def seconds(calls: int) -> float:
                print(calls, file=stdin, flush=True)
                return float(stdout.readline())

            yield seconds


_ORIGINAL = """
import prefect
from prefect.engine.state import Failed, Pending
from prefect.utilities.notifications import notifications
prefect.context.secrets = dict(SLACK_WEBHOOK_URL=WEBHOOK, EMAIL_USERNAME=USERNAME, EMAIL_PASSWORD=PASSWORD)
change = prefect.Task(name="load"), Pending(), Failed(TEXT)
"""

_ORIGINAL_SLACK = f"""{_ORIGINAL}
def send():
    assert notifications.slack_notifier(*change) is change[2]
"""

_ORIGINAL_GMAIL = f"""{_ORIGINAL}
import smtplib, types
notifications.smtplib = types.SimpleNamespace(SMTP_SSL=lambda host, port: smtplib.SMTP_SSL(HOST, PORT))
def send():
    assert notifications.gmail_notifier(*change) is change[2]
"""

_APPRISE = """
import apprise
from urllib.parse import quote
slack = "slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx"
mail = f"mailtos://{quote(USERNAME, safe='')}:{PASSWORD}@{HOST}:{PORT}?mode=ssl&from={USERNAME}&to={USERNAME}"
def send():
    assert notifier.notify(title=TITLE, body=TEXT)
"""

_APPRISE_SLACK = f"""{_APPRISE}
notifier = apprise.Apprise.instantiate(slack)
notifier.webhook_url = WEBHOOK.rpartition("/services/")[0] + "/services"
"""

_APPRISE_MAIL = f"""{_APPRISE}
notifier = apprise.Apprise.instantiate(mail)
"""

_UNTHROTTLED = """
notifier.request_rate_per_sec = 0
"""

_SLACK_SDK = """
from slack_sdk.webhook import WebhookClient
client = WebhookClient(WEBHOOK)
def send():
    assert client.send(text=TEXT, attachments=[dict(title=TITLE, text=TEXT, color="#eb0000")]).status_code == 200
"""

_REQUESTS = """
import requests
def send():
    assert requests.post(WEBHOOK, json=dict(attachments=[dict(title=TITLE, text=TEXT, color="#eb0000")])).text == "ok"
"""

_SMTPLIB = """
import smtplib, ssl
from email.message import EmailMessage
def send():
    message = EmailMessage()
    message["From"] = message["To"] = USERNAME
    message["Subject"] = TITLE
    message.set_content(TEXT)
    with smtplib.SMTP_SSL(HOST, PORT, context=ssl.create_default_context()) as smtp:
        smtp.login(USERNAME, PASSWORD)
        smtp.send_message(message)
"""

ON_SLACK = (
    Peer("requests.post", "requests", _REQUESTS),
    Peer("prefect's slack_notifier", "prefect", _ORIGINAL_SLACK, target=35),
    Peer("slack_sdk's WebhookClient", "slack_sdk", _SLACK_SDK),
    Peer("apprise, throttle on", "apprise", _APPRISE_SLACK, calls=1, rounds=3),
    Peer("apprise, throttle off", "apprise", _APPRISE_SLACK + _UNTHROTTLED),
)

BY_MAIL = (
    Peer("smtplib, opened for each mail", None, _SMTPLIB),
    Peer("prefect's gmail_notifier", "prefect", _ORIGINAL_GMAIL, target=2.5, calls=20),
    Peer("apprise, throttle on", "apprise", _APPRISE_MAIL, calls=1, rounds=3),
    Peer("apprise, throttle off", "apprise", _APPRISE_MAIL + _UNTHROTTLED),
)
