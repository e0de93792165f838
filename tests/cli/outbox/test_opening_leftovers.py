"""Commands send what an earlier process left in the outbox, if the configuration has one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.shell.environment import NAME

SCRIPT = """
import sys, time
from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
from tocsin.cli.outbox.opening import drain_leftovers
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store

with interpreting(Recording()) as recording:
    slack_notifier(Task("load"), Running(), Failed("disk full"))
store = Store()
store.put([new_row(recording.effects[0], store.now())])
drain_leftovers(sys.argv[1])
until = time.monotonic() + float(sys.argv[2])
while store.rows()[0].status == "pending" and time.monotonic() < until:
    time.sleep(0.02)
print(store.rows()[0].status != "pending")
"""


@pytest.mark.parametrize(
    ("command", "outbox", "seconds", "tried"),
    [("runs", "true", 30, True), ("runs", "false", 0.3, False), ("outbox", "true", 0.3, False), ("run", "true", 0.3, False)],
)
def test_what_was_left_is_sent(tmp_path: Path, command: str, outbox: str, seconds: float, tried: bool) -> None:
    kept = {name: value for name, value in os.environ.items() if name != NAME and not name.startswith(("SLACK", "EMAIL"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, command, str(seconds)],
        env={**kept, "TOCSIN_STATE_DIR": str(tmp_path), "TOCSIN_DELIVERY_OUTBOX": outbox},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{tried}\n", done.stderr
