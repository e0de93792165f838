"""A real storm: many threads fail as fast as they can, and Slack gets each failure in a handful of messages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.profile import PROFILE
from tests.servers.scripts import environment, script, texts
from tests.servers.slack import Reply, SlackServer

pytestmark = [pytest.mark.tocsin_live, pytest.mark.skipif(os.name != "posix", reason="only POSIX reports the peak memory of a process")]

STORM = """
import logging, os, resource, sys, threading
from pathlib import Path
from tocsin import Failed, Running, Task, flush, interpreting, reliable, slack_notifier, watch

how, number = sys.argv[1], int(sys.argv[2])

@watch(name="load", state_handlers=[slack_notifier(only_states=[Failed])])
def load(row):
    raise ValueError(f"row {row} is broken")

def fail(row):
    if how == "notifier":
        slack_notifier(Task(f"load {row % 40}"), Running(), Failed(f"row {row} is broken"))
        return
    try:
        load(row)
    except ValueError:
        pass

def work(first):
    for row in range(first, number, 8):
        fail(row)

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where ru_maxrss begins with the peak of the process that started this one
        return int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)

if sys.argv[4] == "hang":
    logging.getLogger("tocsin").disabled = True  # an attempt without an answer is an error
    with interpreting(reliable(max_queue=int(sys.argv[3]))):
        for row in range(3000):
            fail(row)
        before = peak()
        for row in range(number):
            fail(row)
        print(None, peak() - before, flush=True)
        os._exit(0)

with interpreting(reliable(max_queue=int(sys.argv[3]))):
    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = flush(60) if sys.argv[4] == "flush" else None
print(done, peak())
"""
MIB = 1024  # KiB


@attrs.frozen
class Storm:
    """The result of a storm: the number of changes and messages that arrived, the peak memory in KiB, and the changes in the first."""

    changes: int
    messages: int
    memory: int
    first: int


def printed(server: SlackServer, bundle: Path, folder: Path, *words: str, seconds: float = 90) -> list[str]:
    """Run the script in a process of its own, and return the words that it prints."""
    command = [sys.executable, str(script(folder, STORM)), *words]
    env = environment(server, bundle, folder)
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def weathered(server: SlackServer, bundle: Path, folder: Path, *words: str) -> Storm:
    """Run a storm in a process of its own. The words are its source, the number of failures, the queue size and how it ends."""
    before = len(server.requests)
    flushed, memory = printed(server, bundle, folder, *words)
    assert flushed != "False"
    heads = texts(server)[before:]
    return Storm(sum(count(head) for head in heads), len(heads), int(memory), count(heads[0]))


def count(head: str) -> int:
    """Return the number of changes that a message reports."""
    many = re.match(r"([0-9,]+) (?:changes|failures) in ", head)
    return 1 if many is None else int(many[1].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("end", ["flush", "exit"])
@pytest.mark.parametrize("how", ["notifier", "watch"])
def test_each_failure_of_a_storm_is_sent_once_in_a_handful_of_messages(
    how: str, end: str, slack_server: SlackServer, ca_bundle: Path, tmp_path: Path
) -> None:
    storm = weathered(slack_server, ca_bundle, tmp_path, how, "10000", "1000", end)
    assert storm.changes == 10_000
    assert storm.messages <= 60


@pytest.mark.slow
def test_ten_times_the_failures_take_no_more_memory(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    storms = list[Storm]()
    for number in ("1000", "10000"):
        slack_server.replies = [Reply(status=429, headers={"Retry-After": "15"})]  # nothing is sent until all have failed
        storms.append(weathered(slack_server, ca_bundle, tmp_path, "notifier", number, "1000", "flush"))
    breeze, storm = storms
    assert (breeze.changes - breeze.first, storm.changes - storm.first) == (1_000, 10_000)  # the refused first message came twice
    # with room for all of them it takes 13 MiB more; with room for a thousand, less than one
    assert storm.memory - breeze.memory < 6 * MIB


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_failures_while_slack_hangs_take_no_memory(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    slack_server.replies = [Reply(manner="silent")] * 1000
    words = ("watch", str(PROFILE.failures), "1000", "hang")
    _, grown = printed(slack_server, ca_bundle, tmp_path, *words, seconds=1700)
    # half a kB each for a callback of each, as it was once, would be 9 MiB at 20,000 failures
    assert int(grown) < 4 * MIB
