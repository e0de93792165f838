"""Several programs share one outbox and end at the same time. Each learns what became of its messages, whichever program sent them."""

import subprocess
import sys
from collections.abc import Sequence

import attrs
import pytest

from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.store import Store

pytestmark = pytest.mark.tocsin_live

PATIENCE = 60.0
SOON = 4.0  # seconds for a flush: below the interval at which an idle worker looks, and the exit timeout

# Each program is a child, forked before anything is sent, so that the modules are loaded once.
PROGRAMS = """
import os, sys, time
import sqlalchemy.dialects.postgresql.psycopg
import tocsin.shell.outbox.client
from tocsin import Failed, Recording, Running, Task, flush, interpreting, slack_notifier
from tocsin.core.outcomes import Withheld
from tocsin.interpreters import Outbox

url, programs, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def run(ready, go):
    with interpreting(Recording()) as recording:
        for _ in range(count):
            slack_notifier(Task("load"), Running(), Failed("disk full"))
    outbox, outcomes, messages = Outbox(Recording(), url, threshold=1_000_000), [], list(recording.effects)
    first = outbox.submit(messages.pop(), outcomes.append).where
    os.write(ready, b".")
    os.read(go, 1)
    answers = {first, *(outbox.submit(each, outcomes.append).where for each in messages)}
    began = time.monotonic()
    done = flush()
    seconds = time.monotonic() - began
    print(answers == {"the outbox"}, done, outcomes.count(Withheld("recorded")), seconds, flush=True)


(ready_out, ready_in), (go_out, go_in), children = os.pipe(), os.pipe(), []
for _ in range(programs):
    children.append(os.fork())
    if children[-1] == 0:
        run(ready_in, go_out)
        sys.exit()
for _ in children:
    os.read(ready_out, 1)
os.write(go_in, b"." * programs)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""


@attrs.frozen
class Ended:
    """Whether a program stored all messages, whether its flush succeeded, how many outcomes it learned, and its flush's seconds."""

    stored: bool
    flushed: bool
    settled: int
    seconds: float


def run(url: str, programs: int, messages: int) -> Sequence[Ended]:
    """Run so many programs at once, each with so many messages, until all have ended. None of them logs anything."""
    words = [sys.executable, "-c", PROGRAMS, url, str(programs), str(messages)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == programs
    return [Ended(stored == "True", flushed == "True", int(settled), float(seconds)) for stored, flushed, settled, seconds in lines]


def check(url: str, ended: Sequence[Ended], messages: int) -> None:
    """Check that all was stored, settled and known to be so, soon."""
    assert [(each.stored, each.flushed, each.settled) for each in ended] == [(True, True, messages)] * len(ended)
    assert max(each.seconds for each in ended) < SOON
    rows = Store(url).rows(limit=10_000)
    assert len(rows) == messages * len(ended)
    assert {row.status for row in rows} == {Status.DELIVERED}


@pytest.mark.skipif(sys.platform == "win32", reason="fork needs POSIX")
@pytest.mark.parametrize("programs", [1, 3, 8])
def test_programs_of_one_database_end_when_all_is_settled(database: str, programs: int) -> None:
    check(database, run(database, programs, 30), 30)
