"""Sends a message to each of the hostile servers, under the names that Slack and Gmail have.

The names lead to the loopback interface while a message is sent. So a reason is that of a user, and the same in each run.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import pytest

from tests.servers.authority import NAMES, Authority
from tests.shell.adapters.examples import KEY, MAIL, MESSAGE
from tests.shell.adapters.hostile.row import Row
from tocsin.core.diagnosis import Finding, Seen, finding
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.outcomes import DeliveryError, Receipt
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook

QUICK = (0.8, 0.4, 0.8)  # seconds to connect, per read, and in all: an address that does not answer could take all of them
PATIENT = (5.0, 5.0, 10.0)
BIG = ("x" * 70 + "\n") * 85_000  # bytes; more than the buffers of two sockets hold
CANARY = "CANARYaRe9kQpLz"
TOKEN = f"xoxb-1234-{CANARY}"
USERNAME, PASSWORD = "ops@example.com", "canaryapppasswrd"
_SLACK, _API, _GMAIL, _OTHER = NAMES
_FOLDER = re.compile(r"/\S*/(?=\w+\.(?:pem|py|toml)\b)")
_LOOKUP = socket.getaddrinfo
_HOSTS = {"Slack app": _API, "Gmail": _GMAIL, "Another mail server": _OTHER, "Google's tokens": _GMAIL}
_SECRETS = {"Slack app": "SLACK_BOT_TOKEN", "Slack": "SLACK_WEBHOOK_URL", "A proxy to Slack": "SLACK_WEBHOOK_URL"}


def deliver(row: Row, port: int, authority: Authority) -> Receipt | DeliveryError:
    """Send a message to the server at ``port``, and return the outcome."""
    with _named(port):
        if row.channel in {"Slack", "Slack app", "A proxy to Slack"}:
            return _slack(row, port, authority)
        return _mail(row, port, authority)


def found(row: Row, error: DeliveryError) -> Finding:
    """Return the finding for an outcome."""
    return finding(Seen(error, _HOSTS.get(row.channel, _SLACK), _SECRETS.get(row.channel, "EMAIL_PASSWORD")))


def stable(text: str, port: int) -> str:
    """Replace what differs from run to run: the port of a proxy, and the folder of a file."""
    return _FOLDER.sub("", text.replace(f"127.0.0.1:{port}", "10.0.0.7:3128"))


@contextmanager
def _named(port: int) -> Iterator[None]:
    """Have all names lead to the server, unless the server has seen to that."""
    if socket.getaddrinfo is not _LOOKUP:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
        yield


def _slack(row: Row, port: int, authority: Authority) -> Receipt | DeliveryError:
    connect, silence, overall = QUICK if row.strains else PATIENT
    adapter = SlackWebhook(
        ca_bundle=authority.bundle,
        connect_timeout=connect,
        read_timeout=silence,
        deadline=overall,
        proxies={"https": f"{row.proxy}://127.0.0.1:{port}"} if row.proxy else {},
    )
    message = attrs.evolve(MESSAGE, text=BIG) if row.strains == "size" else MESSAGE
    if row.channel == "Slack app":
        bot = Bot("SLACK_BOT_TOKEN", "#ops")
        outcome = adapter.speak(Secret("SLACK_BOT_TOKEN", TOKEN), bot, PostToSlack("SLACK_WEBHOOK_URL", message, KEY, bot))
    else:
        outcome = adapter.post(Secret("SLACK_WEBHOOK_URL", f"https://{_SLACK}/services/T000/B000/{CANARY}"), message)
    adapter.close()
    return outcome


def _mail(row: Row, port: int, authority: Authority) -> Receipt | DeliveryError:
    connect, silence, overall = QUICK if row.strains else PATIENT
    adapter = Gmail(
        host=_HOSTS[row.channel],
        ca_bundle=authority.bundle,
        connect_timeout=connect,
        read_timeout=silence,
        deadline=overall,
        token_hosts=("127.0.0.1",),
    )
    mail = attrs.evolve(MAIL, plain=BIG) if row.strains == "size" else MAIL
    password = _grant(port) if row.channel == "Google's tokens" else PASSWORD
    outcome = adapter.send(Secret("EMAIL_USERNAME", USERNAME), Secret("EMAIL_PASSWORD", password), mail, KEY)
    adapter.close()
    return outcome


def _grant(port: int) -> str:
    parts = {"client_id": "id", "client_secret": f"GOCSPX-{CANARY}", "refresh_token": f"1//0{CANARY}"}
    return json.dumps({"type": "authorized_user", **parts, "token_uri": f"https://127.0.0.1:{port}/token"})
