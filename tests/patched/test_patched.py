"""Messages arrive, and a server that hangs is given up in time, where a library has replaced classes of the standard library."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from tests.patched.program import DEADLINE, Answer
from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.hostile import after_request, drips, mute, plain, raw, says, scripted
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer

ROOT = Path(__file__).parents[2]
LIBRARIES = {"gevent": ("first", "later"), "eventlet": ("first", "later"), "truststore": ("first", "later"), "uvloop": ("first",)}
HANGING = {
    "slack, no handshake": raw(mute, plain),
    "slack, half a handshake": raw(says(b"\x16\x03\x03\x00\x7a\x02", mute), plain),  # the beginning of a ServerHello
    "slack, a dripping handshake": raw(drips(b"\x16\x03\x03\x40\x00" + bytes(500)), plain),
    "slack, no answer": raw(after_request(mute)),
    "mail, no handshake": raw(mute, plain),
    "mail, no greeting": scripted("GREETING", "silent"),
    "mail, a dripping answer": scripted("DATA-END", "drip"),
}


@pytest.fixture(scope="module")
def hanging(authority: Authority) -> Iterator[dict[str, int]]:
    """Return the ports of servers that hang."""
    with ExitStack() as servers:
        yield {name: servers.enter_context(prepare(authority)) for name, prepare in HANGING.items()}


@attrs.frozen
class Servers:
    """Servers that take all messages, the CA file for them, and the ports of servers that hang."""

    slack: SlackServer
    gmail: GmailServer
    bundle: Path
    hanging: dict[str, int]


@pytest.fixture
def servers(slack_server: SlackServer, gmail_server: GmailServer, ca_bundle: Path, hanging: dict[str, int]) -> Servers:
    """Return the servers."""
    return Servers(slack_server, gmail_server, ca_bundle, hanging)


@pytest.mark.parametrize(("library", "order"), [(library, order) for library, orders in LIBRARIES.items() for order in orders])
def test_all_arrive_and_what_hangs_is_given_up(library: str, order: str, servers: Servers, tmp_path: Path) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: run tox -e patched")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "tests" / "patched" / "program.py", library, order],
        env={
            **environment(servers.slack, servers.bundle, tmp_path),
            "PYTHONPATH": str(ROOT),
            "EMAIL_USERNAME": servers.gmail.username,
            "EMAIL_PASSWORD": servers.gmail.password,
            "TOCSIN_GMAIL_HOST": "127.0.0.1",
            "TOCSIN_GMAIL_PORT": str(servers.gmail.port),
            "TOCSIN_GMAIL_CA_BUNDLE": str(servers.bundle),
            "HANGING": json.dumps(servers.hanging),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers: dict[str, Answer] = json.loads(done.stdout)
    for mail in ("a mail", "another mail"):
        assert answers.pop(mail)[1].startswith("Delivered(")
    assert answers.keys() == HANGING.keys()
    for name, (took, outcome) in answers.items():
        assert outcome.startswith(("Ambiguous(", "Retryable(")), name
        assert DEADLINE / 2 < took < DEADLINE + 1, name
    assert [len(texts(servers.slack)), len(servers.gmail.mails)] == [4, 4]
