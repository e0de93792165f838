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

PROGRAM = """
import sys, time
from tocsin import Failed, Recording, Running, Task, flush, interpreting, slack_notifier
from tocsin.core.outcomes import Withheld
from tocsin.interpreters import Outbox

with interpreting(Recording()) as recording:
    for _ in range(int(sys.argv[2])):
        slack_notifier(Task("load"), Running(), Failed("disk full"))
outbox, outcomes, messages = Outbox(Recording(), sys.argv[1], threshold=1_000_000), [], list(recording.effects)
first = outbox.submit(messages.pop(), outcomes.append).where
print("ready", flush=True)
sys.stdin.readline()  # the others are ready too
answers = {first, *(outbox.submit(each, outcomes.append).where for each in messages)}
began = time.monotonic()
done = flush()
print(answers == {"the outbox"}, done, outcomes.count(Withheld("recorded")), time.monotonic() - began, flush=True)
"""


@attrs.frozen
class Ended:
    """Whether a program stored all messages, whether its flush succeeded, how many outcomes it learned, and its flush's seconds."""

    stored: bool
    flushed: bool
    settled: int
    seconds: float
    stderr: str


def run(url: str, programs: int, messages: int) -> Sequence[Ended]:
    """Run so many programs at once, each with so many messages, until all have ended."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url, str(messages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(programs)
    ]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in started:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        return [_ended(*each.communicate(timeout=PATIENCE)) for each in started]
    finally:
        for each in started:
            each.kill()


def _ended(stdout: str, stderr: str) -> Ended:
    stored, flushed, settled, seconds = stdout.split() or ("", "", "0", "0")
    return Ended(stored == "True", flushed == "True", int(settled), float(seconds), stderr)


def check(url: str, ended: Sequence[Ended], messages: int) -> None:
    """Check that all was stored, settled and known to be so, soon."""
    assert [(each.stored, each.flushed, each.settled, each.stderr) for each in ended] == [(True, True, messages, "")] * len(ended)
    assert max(each.seconds for each in ended) < SOON
    rows = Store(url).rows(limit=10_000)
    assert len(rows) == messages * len(ended)
    assert {row.status for row in rows} == {Status.DELIVERED}


def test_programs_of_one_database_end_when_all_is_settled(database: str) -> None:
    check(database, run(database, 3, 30), 30)
