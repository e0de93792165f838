"""A Celery worker: its parent process notifies before it forks, and jobs in its children notify, too."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.scripts import environment, texts
from tests.servers.slack import Reply, SlackServer

pytestmark = [pytest.mark.tocsin_live, pytest.mark.skipif(os.name != "posix", reason="a pool that forks is POSIX's")]

JOBS = """
import os, sys
from celery import Celery
from celery.signals import worker_init, worker_ready
from tocsin import Failed, Running, Task, flush, interpreting, reliable, slack_notifier, watch

app = Celery("jobs", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
app.conf.broker_connection_retry_on_startup = True
reliably = reliable(after_fork=os.environ["AFTER_FORK"])

def notify(name):
    with interpreting(reliably):
        slack_notifier(Task(name), Running(), Failed(f"in {'the parent' if os.getpid() == parent else 'a child'}"))

@worker_init.connect
def begin(**_):
    global parent
    parent = os.getpid()
    notify("before")
    flush()
    notify("waiting")  # sent by a thread, which no child has

@app.task
def notifies(number):
    notify(f"job {number}")

@app.task
@watch(name="load", state_handlers=[slack_notifier(only_states=[Failed])])
def fails(number):
    raise ValueError(f"row {number} is broken")

@worker_ready.connect
def go(**_):
    for number in range(4):
        notifies.delay(number)
        fails.delay(number)
"""
EXPECTED = sorted(
    [f"{name} failed: in the parent" for name in ("before", "waiting")]
    + [f"job {number} failed: in a child" for number in range(4)]
    + [f"load failed: ValueError: row {number} is broken" for number in range(4)]
)


def wait_for(server: SlackServer, number: int, worker: "subprocess.Popen[bytes]") -> None:
    """Wait until so many messages have arrived, the worker has ended, or a minute has passed."""
    began = time.monotonic()
    while len(server.requests) < number and worker.poll() is None and time.monotonic() - began < 60:
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("after_fork", ["wait", "queue"])
def test_the_children_of_a_worker_notify_too(after_fork: str, slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(JOBS, encoding="utf-8")
    (tmp_path / "queue").mkdir()
    (tmp_path / "control").mkdir()
    slack_server.replies = [Reply(), Reply(status=500)]  # so that "waiting" is queued while the children are forked
    words = [sys.executable, "-m", "celery", "-A", "jobs", "worker", "--pool=prefork", "--concurrency=2", "--loglevel=CRITICAL"]
    env = {**environment(slack_server, ca_bundle, tmp_path), "AFTER_FORK": after_fork}
    log = tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(words, env=env, cwd=tmp_path, stdout=output, stderr=output) as worker:
        wait_for(slack_server, len(EXPECTED) + 1, worker)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0, log.read_text(encoding="utf-8")
    sent = [re.sub(" after .*?:", ":", text) for text in texts(slack_server)]  # how long it took
    sent.remove("waiting failed: in the parent")  # sent twice, since the first one was refused
    assert sorted(sent) == EXPECTED
