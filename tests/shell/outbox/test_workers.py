"""Eight worker processes share one outbox while two others store messages: no message is sent twice, and none is left.

The loopback Slack records what was sent. The key of each row, or of its digest, is at the foot of exactly one message, and all messages
together count as many changes as were stored.

No message starves: each is delivered soon after it was stored, even if another destination has sixteen times as many waiting. A restart
of the database delays by a lease at most: a worker may not receive the answer to a claim that it made just before.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer
from tests.shell.test_storm import count
from tocsin.core.delivery.rendering import MARK
from tocsin.core.outbox.model import Row, Status
from tocsin.shell.outbox.store import Store

pytestmark = [pytest.mark.tocsin_live, pytest.mark.slow]

WORKERS = 8
TEAMS = {f"TEAM_{number}": 8 for number in range(6)} | {"BUSY": 128}
"""How many messages each of the two processes stores for each destination."""
MESSAGES = 2 * sum(TEAMS.values())
LEASE = 20.0  # seconds; a process may pause for some of them on a busy machine
SOON = 30.0  # seconds
PATIENCE = 90.0

WORKER = """
import sys
from tocsin.interpreters import Outbox, Rate
from tocsin.shell.config.load import configuration
from tocsin.shell.reliable import chain

sends = chain(configuration(), slack=Rate(1000, per=1, burst=1000))
outbox = Outbox(sends, sys.argv[1], lease=float(sys.argv[2]), min_interval=0.1)
print("ready", flush=True)
for line in sys.stdin:  # the test says that there may be messages to send
    outbox.attend()
"""

PUTTER = """
import json, sys
import attrs
from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.core.changes import Key
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.store import Store

url, name, teams = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
store = Store(url)

def message(team, number):
    with interpreting(Recording()) as recording:
        slack_notifier(webhook_secret=team)(Task("load"), Running(), Failed("disk full"))
    return attrs.evolve(recording.effects[0], key=Key(name, team, None, number, 0))

def put(message):
    while True:
        try:
            return store.put([new_row(message, store.now())])
        except OutboxError as fault:
            print(fault, file=sys.stderr)

for number in range(max(teams.values())):
    for team, many in teams.items():
        if number < many:
            put(message(team, number))
    print(number, flush=True)
"""


class Process:
    """A program that exchanges lines with the test."""

    def __init__(self, program: str, *words: str, env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
                env=env,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdout, self._stdin = self._process.stdout, self._process.stdin

    def wake(self) -> None:
        """Send an empty line: there may be messages to send."""
        self._stdin.write("\n")

    def read_line(self) -> str:
        """Return its next line; "" at its end."""
        return self._stdout.readline()

    def ended(self) -> str:
        """Wait until it has ended by itself, and return its standard error."""
        with self._process:
            self._stdin.close()
            assert self._process.wait(PATIENCE) == 0, self._log.read_text("utf-8")
        return self._log.read_text("utf-8")

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        with self._process:
            self._process.kill()


class Processes:
    """The processes of a test."""

    def __init__(self, url: str, env: dict[str, str], folder: Path) -> None:
        self._url = url
        teams = dict.fromkeys(TEAMS, env["SLACK_WEBHOOK_URL"])
        self._env = teams | {
            name: value for name, value in env.items() if not name.startswith("COVERAGE")
        }  # which takes half of the time
        self._folder = folder
        self._workers = [self._started(WORKER, f"worker {number}", str(LEASE)) for number in range(WORKERS)]
        self._putters = [self._started(PUTTER, name, name, json.dumps(TEAMS)) for name in ("first", "second")]

    def _started(self, program: str, name: str, *words: str) -> Process:
        return Process(program, self._url, *words, env=self._env, log=self._folder / name)

    def put(self, disturb: Callable[[], None]) -> None:
        """Store all messages, and call ``disturb`` two times meanwhile."""
        assert {each.read_line() for each in self._workers} == {"ready\n"}
        self.nudge()
        for turn in range(max(TEAMS.values())):
            assert {each.read_line() for each in self._putters} == {f"{turn}\n"}
            if turn in {40, 100}:
                disturb()
                self.nudge()
        self.nudge()

    def nudge(self) -> None:
        """Make the workers look for messages now."""
        for worker in self._workers:
            worker.wake()

    def end(self) -> str:
        """Wait until all of them have ended by themselves, and return their standard error."""
        return "".join(process.ended() for process in (*self._putters, *self._workers))

    def kill(self) -> None:
        """Kill those that have not ended."""
        for process in (*self._putters, *self._workers):
            process.kill()


def drained(url: str, processes: Processes, disturb: Callable[[], None]) -> tuple[tuple[Row, ...], str]:
    """Run until no message waits, and return all rows and the standard error of the processes."""
    processes.put(disturb)
    until = time.monotonic() + PATIENCE
    with closing(Store(url)) as store:
        while (agenda := store.agenda()).due or agenda.next is not None:
            assert time.monotonic() < until, store.census()
            time.sleep(0.1)
        stderr = processes.end()
        return store.rows(limit=2 * MESSAGES), stderr


def check(rows: tuple[Row, ...], slack: SlackServer, soon: float) -> None:
    """Check that no message was sent twice, left or starved."""
    assert Counter(row.status for row in rows) == {Status.DELIVERED: MESSAGES}
    payloads = [json.loads(request.body)["attachments"][0] for request in slack.requests]
    keys = Counter(payload["footer"].rpartition("key ")[2] for payload in payloads)
    assert set(keys) == {row.digest or row.key for row in rows}
    assert set(keys.values()) == {1}
    assert sum(count(text.removeprefix(f"{MARK} ")) for text in texts(slack)) == MESSAGES
    assert max(row.ended - row.made for row in rows if row.ended) < soon


def test_eight_workers_of_one_file_send_everything_once(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/outbox.sqlite"
    processes = Processes(url, environment(slack_server, ca_bundle, tmp_path), tmp_path)
    try:
        rows, stderr = drained(url, processes, lambda: None)
    finally:
        processes.kill()
    assert stderr == ""
    check(rows, slack_server, SOON)
    assert not any(row.repeated for row in rows)


def test_eight_workers_of_one_database_send_everything_once_while_its_server_is_restarted(
    slack_server: SlackServer, ca_bundle: Path, tmp_path: Path, postgres: Postgres, database: str
) -> None:
    processes = Processes(database, environment(slack_server, ca_bundle, tmp_path), tmp_path)
    try:
        rows, stderr = drained(database, processes, lambda: postgres.restart("immediate"))
    finally:
        processes.kill()
    assert "CANARY" not in stderr
    check(rows, slack_server, SOON + LEASE)
