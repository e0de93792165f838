"""Connections belong to one process: children open their own, and exit closes them."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.gmail import GmailServer
from tests.servers.slack import SlackServer
from tests.shell.adapters.examples import account, post, send, webhook
from tocsin.core.outcomes import Delivered
from tocsin.shell import fork_safety, queues
from tocsin.shell.adapters import tls
from tocsin.shell.adapters.sockets import Secured, dial
from tocsin.shell.adapters.time_limits import Attempt

SCRIPT = """
import multiprocessing, os, sys
from datetime import datetime, UTC

from tocsin.core.changes import Key
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outcomes import Delivered
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.adapters.secrets import Secret

how, url, port, user, password, bundle = sys.argv[1:]
KEY, MAIL = Key("r", "s", None, 0, 0), Mail("s", "p", "h", None, datetime.now(UTC))

def send(slack, gmail):
    outcomes = {slack.post(Secret("U", url), SlackMessage("f", "c", "t", "x"))}
    outcomes.add(gmail.send(Secret("N", user), Secret("P", password), MAIL, KEY))
    return outcomes == {Delivered()}

def child(slack, gmail):
    sys.exit(not send(slack, gmail))

def by_fork(slack, gmail):
    slack._kept.lock.acquire(), gmail._kept.lock.acquire()  # as if other threads were sending
    pid = os.fork()
    if pid == 0:
        os._exit(not send(slack, gmail))
    slack._kept.lock.release(), gmail._kept.lock.release()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def by_multiprocessing(slack, gmail):
    started = multiprocessing.get_context(how).Process(target=child, args=(slack, gmail))
    started.start()
    started.join()
    return started.exitcode

if __name__ == "__main__":
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=bundle, deadline=5, proxies={})
    gmail = Gmail(host="127.0.0.1", port=int(port), ca_bundle=bundle, deadline=5)
    sent = send(slack, gmail)
    failed = by_fork(slack, gmail) if how == "os.fork" else by_multiprocessing(slack, gmail)
    sys.exit(failed or not (sent and send(slack, gmail)))
"""


@pytest.mark.parametrize("how", ["spawn", *(() if sys.platform == "win32" else ("os.fork", "fork", "forkserver"))])
def test_a_child_builds_its_own(
    how: str, slack_server: SlackServer, gmail_server: GmailServer, ca_bundle: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    arguments = (how, slack_server.url, str(gmail_server.port), gmail_server.username, gmail_server.password, str(ca_bundle))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert len(slack_server.requests) == len(gmail_server.mails) == 3
    assert slack_server.connections == gmail_server.connections == 2  # the parent's connection still works after the child
    gmail_server.hang_up()
    assert "QUIT" in gmail_server.commands  # at exit


def test_what_is_forgotten_is_opened_again(
    slack_server: SlackServer, gmail_server: GmailServer, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues._here, "forked", False)  # undone after the test: this process is no child
    slack, gmail = webhook(ca_bundle), account(gmail_server, ca_bundle)
    for _ in range(2):
        assert {post(slack, slack_server.url), send(gmail, gmail_server)} == {Delivered()}
        fork_safety.forget_all()  # as in a child, except that the server sees the connection end
    assert slack_server.connections == gmail_server.connections == 2
    assert "QUIT" not in gmail_server.commands


def test_what_is_open_is_closed_at_exit(slack_server: SlackServer, gmail_server: GmailServer, ca_bundle: Path) -> None:
    slack, gmail = webhook(ca_bundle), account(gmail_server, ca_bundle)
    assert {post(slack, slack_server.url), send(gmail, gmail_server)} == {Delivered()}
    fork_safety.close_all()
    gmail_server.hang_up()
    assert gmail_server.commands[-1] == "QUIT"


def test_closing_does_not_wait_for_ever(ca_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_safety, "_CLOSE_TIMEOUT", 0.01)
    slack = webhook(ca_bundle)
    with slack._kept.lock:
        slack.close()


def test_a_socket_outside_of_an_attempt(slack_server: SlackServer, ca_bundle: Path) -> None:
    context = tls.context(str(ca_bundle))
    assert isinstance(context, ssl.SSLContext)
    sock = Secured(dial("localhost", slack_server.port, Attempt("localhost", 5, 5)), context, "localhost")
    sock.settimeout(5)
    sock.sendall(b"POST / HTTP/1.1\r\n\r\n")
    assert sock.recv(8) == b"HTTP/1.1"
    sock.forget()
    sock.forget()
    with pytest.raises(OSError, match="descriptor"):
        sock.sendall(b"x")
