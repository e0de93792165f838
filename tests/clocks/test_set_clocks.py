"""Durations, pauses and the history are right in real processes whose wall clock is set while they run: back, or from 1970 to today."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

from tests.clocks.set_clock import SETS, Machine, compiled, needs_clock

pytestmark = needs_clock

HOUR = 3600
LONG_AGO = -int(time.time())  # where a machine without a clock of its own begins: in 1970


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def machine(library: Path, tmp_path: Path) -> Machine:
    return Machine(library, tmp_path)


def test_a_command_takes_as_long_as_it_takes(machine: Machine) -> None:
    for before, after in ((0, -HOUR), (LONG_AGO, 0)):
        machine.set_clock(before)
        command = f"{SETS}\nset_clock({after})\nsys.exit(3)"
        told = machine.run(
            "-m", "tocsin", "exec", "--notify=print", "--label=load", "--", sys.executable, "-S", "-c", command,
            environment={"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/X"},
        )  # fmt: skip
        assert told.returncode == 3
        assert re.search(r"load failed after (\d+ ms|[\d.]+ s): exit status 3", told.stdout + told.stderr)
    runs = json.loads(machine.run("-m", "tocsin", "runs", "--all", "--json").stdout)["runs"]
    assert [run["started"][:4] == run["ended"][:4] != "1970" for run in runs] == [True, True]
    assert all(0 < run["duration"] < 30 for run in runs)


BODIES = f"""{SETS}
import re, time
from datetime import timedelta
from tocsin import Flow, Recording, interpreting, slack_notifier, task, watch

class Slow:  # delays one of the modules that the first run loads
    def find_spec(self, name, path=None, target=None):
        if name == "tocsin.shell.config.load":
            time.sleep(0.5)

@watch(state_handlers=[slack_notifier])
def cold():
    raise OSError("disk full")

@watch(state_handlers=[slack_notifier])
def load():
    time.sleep(0.05)
    set_clock(-3600)
    raise OSError("disk full")

entered = []

@task(max_retries=1, retry_delay=timedelta(seconds=0.2))
def flaky():
    entered.append(time.monotonic())
    set_clock(-3600 * len(entered))
    raise OSError("disk full")

assert "tocsin.shell.config.load" not in sys.modules
sys.meta_path.insert(0, Slow())
with interpreting(Recording()) as recording:
    for watched in (cold, load):
        try:
            watched()
        except OSError:
            pass
        assert "tocsin.shell.config.load" in sys.modules
    set_clock(0)
    with Flow("nightly", state_handlers=[slack_notifier]) as flow:
        flaky()
    flow.run()
print(entered[1] - entered[0])
print(*[message.payload.fallback for message in recording.effects if " after " in message.payload.fallback], sep="\\n")
"""


def test_a_watch_and_a_flow_take_as_long_as_they_take(machine: Machine) -> None:
    """The modules that the first run loads are not in its duration."""
    machine.set_clock(0)
    done = machine.run("-c", BODIES)
    assert done.stderr == ""
    waited, cold, watched, flowed = done.stdout.splitlines()
    assert 0.2 <= float(waited) < 10
    assert cold == "cold failed after less than 1 ms: OSError: disk full" or int(cold.split()[3]) < 500
    assert watched.startswith("load failed after ")
    assert flowed.startswith("nightly failed after ")
    assert "less than" not in watched + flowed
