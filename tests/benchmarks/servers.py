"""Slack's and Gmail's stand-ins in a process of their own: in ours, they would take turns with whoever is measured.

Run as a program, with a folder to write into, it says in one line of JSON where its servers are; for each line that it is sent then,
how many messages have come so far; and it ends with its input.

Who sends to them is to trust a bundle as long as the usual one, since to load it is what costs those most who load it for each message.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import certifi

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.slack import SlackServer
from tocsin import Live
from tocsin.adapters import Gmail, SlackWebhook

HOST = "127.0.0.1"
_ROOT = Path(__file__).parents[2]


@attrs.frozen
class Served:
    """Where the servers are, and what a client needs to send to them."""

    webhook: str
    port: int
    username: str
    password: str
    bundle: str
    folder: Path
    _process: "subprocess.Popen[str]"

    def received(self) -> int:
        """How many messages have come so far, posts and mails together."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def environment(self) -> dict[str, str]:
        """Variables for a program that sends to them, which finds none of the settings of whoever runs it."""
        trusted = {"REQUESTS_CA_BUNDLE": self.bundle, "SSL_CERT_FILE": self.bundle}
        known = {"WEBHOOK": self.webhook, "HOST": HOST, "PORT": str(self.port), "USERNAME": self.username, "PASSWORD": self.password}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **trusted, **known}


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Servers of their own, until the block ends."""
    command = [sys.executable, "-m", __name__, str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        known: dict[str, str] = json.loads(process.stdout.readline())
        yield Served(known["webhook"], int(known["port"]), known["username"], known["password"], known["bundle"], folder, process)
    assert process.returncode == 0


@contextmanager
def live(served: Served) -> Iterator[Live]:
    """Ours, which sends to them; its connections are closed after."""
    sends = Live(
        secrets={"SLACK_WEBHOOK_URL": served.webhook, "EMAIL_USERNAME": served.username, "EMAIL_PASSWORD": served.password},
        slack=SlackWebhook(allowed_hosts=(HOST,), ca_bundle=served.bundle),
        mail=Gmail(host=HOST, port=served.port, ca_bundle=served.bundle),
    )
    yield sends
    sends.slack.close()
    sends.mail.close()


def main(folder: Path) -> None:
    """Serve until the input ends."""
    authority = Authority(folder)
    bundle = folder / "bundle.pem"
    bundle.write_text(certifi.contents() + authority.bundle.read_text())
    slack, gmail = SlackServer(authority.good), GmailServer(authority.good)
    known = {"webhook": slack.url, "port": str(gmail.port), "username": gmail.username, "password": gmail.password}
    print(json.dumps({**known, "bundle": str(bundle)}), flush=True)
    for _ in sys.stdin:
        print(len(slack.requests) + len(gmail.mails), flush=True)
    slack.stop()
    gmail.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
