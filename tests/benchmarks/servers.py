"""Stand-ins for Slack and Gmail in their own process: in ours, they would compete with the measured code for the interpreter.

- As a program, it takes a folder to write into, and prints the addresses of its servers as one line of JSON.
- For each further line of input it prints the number of messages received. It ends with its input.
- Clients trust a CA bundle as long as the usual one: loading the bundle is the biggest cost of peers that load it per message.
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
    """The addresses of the servers, and what a client needs to send to them."""

    webhook: str
    port: int
    username: str
    password: str
    bundle: str
    folder: Path
    _process: "subprocess.Popen[str]"

    def received(self) -> int:
        """Return the number of posts and mails received so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def environment(self) -> dict[str, str]:
        """Return environment variables for a program that sends to them, without settings of the current user."""
        trusted = {"REQUESTS_CA_BUNDLE": self.bundle, "SSL_CERT_FILE": self.bundle}
        known = {"WEBHOOK": self.webhook, "HOST": HOST, "PORT": str(self.port), "USERNAME": self.username, "PASSWORD": self.password}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **trusted, **known}


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run servers in their own process until the block ends."""
    command = [sys.executable, "-m", __name__, str(folder)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        known: dict[str, str] = json.loads(process.stdout.readline())
        yield Served(known["webhook"], int(known["port"]), known["username"], known["password"], known["bundle"], folder, process)
    assert process.returncode == 0


@contextmanager
def live(served: Served) -> Iterator[Live]:
    """Yield our interpreter for the servers; close its connections afterwards."""
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
