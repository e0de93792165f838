"""``tocsin outbox drain`` with a real server: what it sends, and what it reports as left."""

import json
import os
import re
import signal
from pathlib import Path

import attrs
import pytest

from tests.cli.outbox.filled_outbox import SLACK, Kept, key, message
from tests.cli.terminal_session import PATIENCE, Typist, started
from tests.servers.scripts import environment, texts
from tests.servers.slack import Reply, SlackServer
from tocsin.core.outbox.model import Status
from tocsin.shell.config.load import configuration
from tocsin.shell.outbox.codec import new_row

pytestmark = pytest.mark.tocsin_live

BUSY = Reply(429, "busy", {"Retry-After": "600"})
GONE = Reply(404, "no_team")


def test_what_waits_is_sent_and_nothing_is_left(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(Status.DELIVERED, Status.PENDING, Status.PENDING)
    seen = tocsin("outbox", "drain")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.splitlines() == [f"delivered  {SLACK}  {key(1)}", f"delivered  {SLACK}  {key(2)}", "2 delivered"]
    assert len(texts(slack)) == 2
    assert tocsin("outbox", "drain").out == "nothing was due\n"


def test_the_same_for_programs(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(Status.PENDING)
    seen = tocsin("outbox", "drain", "--json")
    counts = {"delivered": 1, "delayed": 0, "dead": 0, "unknown": 0, "left": 0}
    assert (seen.status, json.loads(seen.out), seen.err) == (0, {"place": str(kept.path), **counts}, "")


def test_what_is_put_off_is_left(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(Status.PENDING)
    slack.replies.append(BUSY)
    seen = tocsin("outbox", "drain")
    first, last = seen.out.splitlines()
    assert seen.status == 1
    assert first.startswith(f"delayed    {SLACK}  {key(0)}  ")
    assert re.fullmatch(r"1 delayed; 1 message still waits, and the next is due in (9 m 5\d s|10 m)", last)
    assert kept.status(0) is Status.DELAYED


def test_what_is_given_up_is_said_and_old_dead_letters_are_not(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(Status.DEAD, Status.PENDING)
    slack.replies.append(GONE)
    seen = tocsin("outbox", "drain")
    assert (seen.status, seen.out.splitlines()[-1]) == (1, "1 dead")
    assert tocsin("outbox", "drain").status == 0


def test_what_another_process_holds_is_left_to_it(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(Status.LEASED, Status.LEASED)
    seen = tocsin("outbox", "drain")
    assert seen.status == 1
    assert re.fullmatch(r"nothing was due; 2 messages still wait, and the next is due in 59 m \d+ s\n|.* in 1 h\n", seen.out)
    assert slack.requests == []


def test_many_are_one_line(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put(*[Status.PENDING] * 12)
    seen = tocsin("outbox", "drain", "--file", str(kept.path))
    first, last = seen.out.splitlines()
    assert re.fullmatch(rf"delivered  {SLACK}  \S+ \(12 messages as one\)", first)
    assert (seen.status, last) == (0, "12 delivered")
    assert len(slack.requests) == 1


def test_one_that_cannot_be_read_is_dead_and_kept(tocsin: Typist, kept: Kept, slack: SlackServer) -> None:
    kept.put_row(attrs.evolve(new_row(message(0), 0.0), body="{"))
    seen = tocsin("outbox", "drain")
    assert (seen.status, seen.out) == (1, "nothing was due\n")
    assert kept.status(0) is Status.DEAD


def test_a_bar_on_a_terminal(tocsin: Typist, kept: Kept, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.put(Status.PENDING, Status.PENDING)
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color"), ("COLUMNS", "100")):
        monkeypatch.setenv(name, value)
    seen = tocsin("outbox", "drain")
    assert (seen.status, seen.out) == (0, "2 delivered\n")
    assert "sending" in seen.err
    assert "2/2" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.err)


@pytest.mark.parametrize("asked", ["print", "none", "nonsense"])
@pytest.mark.parametrize("options", [[], ["--watch"], ["--json"]])
def test_where_nothing_may_be_sent_it_says_so(
    tocsin: Typist, kept: Kept, monkeypatch: pytest.MonkeyPatch, asked: str, options: list[str]
) -> None:
    kept.put(Status.PENDING)
    monkeypatch.setenv("TOCSIN_NOTIFY", asked)
    seen = tocsin("outbox", "drain", *options)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith("tocsin: TOCSIN_NOTIFY=")
    assert seen.err.endswith(", so nothing would be sent: unset it, and drain again\n")
    assert kept.status(0) is Status.PENDING


def test_a_secret_that_was_renamed_since(tocsin: Typist, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    configuration.cache_clear()
    kept.put(Status.PENDING)
    seen = tocsin("outbox", "drain")
    assert seen.status == 1
    assert seen.out.startswith(f"delayed    {SLACK}  {key(0)}  the secret 'SLACK_WEBHOOK_URL' is not set: set the environment variable")
    assert kept.status(0) is Status.DELAYED


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGTERM, 143, "tocsin: ended by SIGTERM: unsent messages stay in the outbox\n"),
        (signal.SIGINT, 130, "tocsin: interrupted\n"),
    ],
)
def test_a_signal_ends_it_in_order(kept: Kept, slack: SlackServer, number: signal.Signals, status: int, said: str) -> None:
    kept.put(*[Status.PENDING] * 3)
    folder, bundle = kept.path.parent, Path(os.environ["TOCSIN_SLACK_CA_BUNDLE"])
    variables = {**environment(slack, bundle, folder), "TOCSIN_STATE_DIR": str(folder), "NO_PROXY": "127.0.0.1"}
    with started(folder, "outbox", "drain", **variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"delivered  {SLACK}  {key(0)}\n"  # the others have to wait for their turn
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (status, said)
    stands = [kept.status(each) for each in range(3)]
    assert len(slack.requests) == stands.count(Status.DELIVERED)
    assert set(stands) == {Status.DELIVERED, Status.PENDING}


def test_without_standard_error(tocsin: Typist, kept: Kept, slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.put(Status.PENDING)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", None)
        seen = tocsin("outbox", "drain")
    assert (seen.status, seen.out.splitlines()[-1]) == (0, "1 delivered")
