"""Eight drainers on one outbox, in processes of their own, while two others put messages in: nothing is sent twice, nothing is left.

What people were sent is what the loopback Slack took. Each row has its key, or that of its digest, at the foot of exactly one message,
and all messages together tell of as many changes as were put in.

Nobody starves: each message is delivered soon after it was put in, also where another destination has sixteen times as many waiting. A
restart of the database costs no more than a lease: of what was claimed in that moment, its holder may never have heard.
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

DRAINERS = 8
TEAMS = {f"TEAM_{number}": 8 for number in range(6)} | {"BUSY": 128}
"""How many messages each of the two puts in for each destination."""
MESSAGES = 2 * sum(TEAMS.values())
LEASE = 20.0  # seconds; on a busy machine, a process may stand still for some of them
SOON = 30.0  # seconds
PATIENCE = 90.0

DRAINER = """
import sys
from tocsin.interpreters import Outbox, Rate
from tocsin.shell.config.load import configuration
from tocsin.shell.interpreters.reliable import chain

sends = chain(configuration(), slack=Rate(1000, per=1, burst=1000))
outbox = Outbox(sends, sys.argv[1], lease=float(sys.argv[2]), min_interval=0.1)
print("there", flush=True)
for line in sys.stdin:  # somebody says that there may be something to be sent
    outbox.attend()
"""

PUTTER = """
import json, sys
import attrs
from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.core.changes import Key
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.errors import OutboxError
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
    """A program that is told by lines, and tells by lines."""

    def __init__(self, program: str, *words: str, env: dict[str, str], complaints: Path) -> None:
        self._complaints = complaints
        with complaints.open("w", encoding="utf-8") as stderr:
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
        self._says, self._hears = self._process.stdout, self._process.stdin

    def hears(self) -> None:
        """Something may have changed."""
        self._hears.write("\n")

    def says(self) -> str:
        """Its next line; nothing at its end."""
        return self._says.readline()

    def ended(self) -> str:
        """What it complained of, once it has ended by itself."""
        with self._process:
            self._hears.close()
            assert self._process.wait(PATIENCE) == 0, self._complaints.read_text("utf-8")
        return self._complaints.read_text("utf-8")

    def kill(self) -> None:
        """End it, where it has not ended."""
        with self._process:
            self._process.kill()


class Crew:
    """The processes of a test."""

    def __init__(self, url: str, env: dict[str, str], folder: Path) -> None:
        self._url = url
        teams = dict.fromkeys(TEAMS, env["SLACK_WEBHOOK_URL"])
        self._env = teams | {
            name: value for name, value in env.items() if not name.startswith("COVERAGE")
        }  # which takes half of the time
        self._folder = folder
        self._drainers = [self._started(DRAINER, f"drainer {number}", str(LEASE)) for number in range(DRAINERS)]
        self._putters = [self._started(PUTTER, name, name, json.dumps(TEAMS)) for name in ("first", "second")]

    def _started(self, program: str, name: str, *words: str) -> Process:
        return Process(program, self._url, *words, env=self._env, complaints=self._folder / name)

    def put(self, disturb: Callable[[], None]) -> None:
        """Have everything put in, and the drainers disturbed two times meanwhile."""
        assert {drainer.says() for drainer in self._drainers} == {"there\n"}
        self.nudge()
        for turn in range(max(TEAMS.values())):
            assert {putter.says() for putter in self._putters} == {f"{turn}\n"}
            if turn in {40, 100}:
                disturb()
                self.nudge()
        self.nudge()

    def nudge(self) -> None:
        """Have the drainers look now, and not in a while."""
        for drainer in self._drainers:
            drainer.hears()

    def end(self) -> str:
        """What all of them complained of, once they have ended by themselves."""
        return "".join(process.ended() for process in (*self._putters, *self._drainers))

    def kill(self) -> None:
        """End those that have not ended."""
        for process in (*self._putters, *self._drainers):
            process.kill()


def drained(url: str, crew: Crew, disturb: Callable[[], None]) -> tuple[tuple[Row, ...], str]:
    """All rows once nothing waits any more, and what the processes complained of."""
    crew.put(disturb)
    until = time.monotonic() + PATIENCE
    with closing(Store(url)) as store:
        while (agenda := store.agenda()).due or agenda.next is not None:
            assert time.monotonic() < until, store.census()
            time.sleep(0.1)
        complaints = crew.end()
        return store.rows(limit=2 * MESSAGES), complaints


def check(rows: tuple[Row, ...], slack: SlackServer, soon: float) -> None:
    """Nothing was sent twice, nothing is left, and nobody starved."""
    assert Counter(row.status for row in rows) == {Status.DELIVERED: MESSAGES}
    payloads = [json.loads(request.body)["attachments"][0] for request in slack.requests]
    keys = Counter(payload["footer"].rpartition("key ")[2] for payload in payloads)
    assert set(keys) == {row.digest or row.key for row in rows}
    assert set(keys.values()) == {1}
    assert sum(count(text.removeprefix(f"{MARK} ")) for text in texts(slack)) == MESSAGES
    assert max(row.ended - row.made for row in rows if row.ended) < soon


def test_eight_drainers_of_one_file_send_everything_once(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/outbox.sqlite"
    crew = Crew(url, environment(slack_server, ca_bundle, tmp_path), tmp_path)
    try:
        rows, complaints = drained(url, crew, lambda: None)
    finally:
        crew.kill()
    assert complaints == ""
    check(rows, slack_server, SOON)
    assert not any(row.repeated for row in rows)


def test_eight_drainers_of_one_database_send_everything_once_while_its_server_is_restarted(
    slack_server: SlackServer, ca_bundle: Path, tmp_path: Path, postgres: Postgres, database: str
) -> None:
    crew = Crew(database, environment(slack_server, ca_bundle, tmp_path), tmp_path)
    try:
        rows, complaints = drained(database, crew, lambda: postgres.restart("immediate"))
    finally:
        crew.kill()
    assert "CANARY" not in complaints
    check(rows, slack_server, SOON + LEASE)
