"""Queued messages at exit, after the exit timeout, and in child processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.scripts import environment, script, texts
from tests.servers.slack import Reply, SlackServer

pytestmark = pytest.mark.tocsin_live
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks are POSIX's")

LATE_LINE = "tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time"  # on a machine too busy to try
JOB = """
import os, sys, time
from tocsin import Failed, Running, Task, flush, interpreting, reliable, slack_notifier

def notify(name):
    slack_notifier(Task(name), Running(), Failed("disk full"))

"""


def run(folder: Path, env: dict[str, str], program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script to its end."""
    words = [sys.executable, str(script(folder, JOB + program)), *arguments]
    return subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def env(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> dict[str, str]:
    return environment(slack_server, ca_bundle, tmp_path)


def test_what_waits_is_sent_at_exit(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    done = run(tmp_path, env, "with interpreting(reliable()):\n    notify('a'), notify('b')\nsys.exit(3)\n")
    assert (done.returncode, done.stderr) == (3, "")
    assert texts(slack_server) == ["a failed: disk full", "b failed: disk full"]


def test_a_dead_destination_delays_the_exit_no_longer_than_the_exit_timeout(
    slack_server: SlackServer, env: dict[str, str], tmp_path: Path
) -> None:
    slack_server.stop()
    began = time.monotonic()
    done = run(tmp_path, env, "with interpreting(reliable(exit_timeout=4)):\n    notify('a')\n")
    assert time.monotonic() - began < 20  # seconds, most of which are the start of a process on a busy machine
    (line,) = done.stderr.splitlines()
    assert line.startswith(("tocsin: could not tell Slack of 'a': cannot reach 127.0.0.1: the connection was refused", LATE_LINE))
    assert done.returncode == 0


def test_one_that_says_nothing_is_reported_in_a_line(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    slack_server.replies = [Reply(manner="silent")]
    done = run(tmp_path, env, "with interpreting(reliable(exit_timeout=0.5)):\n    notify('a'), notify('b')\n")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(r"tocsin: .*1 message to Slack \(SLACK_WEBHOOK_URL\) had no answer in time, and may have arrived", line)


def test_a_message_after_the_last_flush_is_sent_synchronously(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    program = """
    import atexit
    from tocsin import Live
    reliably = reliable()

    @atexit.register
    def last():
        with interpreting(reliably):
            notify("last")
    from tocsin.shell import queues
    atexit.unregister(queues._at_exit), atexit.register(queues._at_exit)  # so that it runs first
    with interpreting(reliably):
        notify("first")
    """
    lines = "\n".join(line[4:] for line in program.splitlines())
    done = run(tmp_path, env, lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(slack_server) == ["first failed: disk full", "last failed: disk full"]


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_the_wait(
    number: signal.Signals, status: int, slack_server: SlackServer, env: dict[str, str], tmp_path: Path
) -> None:
    slack_server.replies = [Reply(manner="silent")]
    program = """
import atexit
with interpreting(reliable(exit_timeout=9)):
    notify("a")
atexit.register(lambda: print("ending", flush=True))
"""
    words = [sys.executable, str(script(tmp_path, JOB + program))]
    with subprocess.Popen(
        words,
        env=env,
        cwd=tmp_path,
        stdout=-1,
        stderr=-1,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ending\n"
        began = time.monotonic()
        while not slack_server.requests and time.monotonic() - began < 5:
            time.sleep(0.01)
        process.send_signal(number)
        _, printed = process.communicate(timeout=60)
    assert process.returncode == status
    assert printed.splitlines() == (
        ["tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time, and may have arrived"]
        if number == signal.SIGINT
        else []
    )


@posix
def test_a_process_that_was_stopped_for_a_while_goes_on(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    slack_server.replies = [Reply(status=500)]
    program = """
with interpreting(reliable()):
    notify("a")
print("queued", flush=True)
sys.stdin.read()
"""
    words = [sys.executable, str(script(tmp_path, JOB + program))]
    with subprocess.Popen(words, env=env, cwd=tmp_path, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "queued\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        process.send_signal(signal.SIGCONT)
        _, printed = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "")
    assert texts(slack_server) == ["a failed: disk full"] * 2


FORKED = """
how, after_fork = sys.argv[1:]

def child():
    notify("child")

if __name__ == "__main__":
    with interpreting(reliable(after_fork=after_fork)):
        notify("parent")
        if how == "os.fork":
            pid = os.fork()
            if pid == 0:
                child()
                flush() if after_fork == "queue" else None
                os._exit(0)
            os.waitpid(pid, 0)
        else:
            import multiprocessing
            process = multiprocessing.get_context(how).Process(target=child)
            process.start()
            process.join()
        notify("parent again")
"""


@posix
@pytest.mark.parametrize("after_fork", ["wait", "queue"])
@pytest.mark.parametrize("how", ["os.fork", "fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_children_notify_too(how: str, after_fork: str, slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    done = run(tmp_path, env, FORKED, how, after_fork)
    assert done.returncode == 0, done.stderr
    told = sorted(texts(slack_server))
    assert told == [f"{name} failed: disk full" for name in ("child", "parent again", "parent")], done.stderr
    assert "Error" not in done.stderr


LATE = """
import multiprocessing

def child():
    from tocsin import Failed, slack_notifier, watch
    try:
        with watch("child", state_handlers=[slack_notifier(only_states=[Failed])]):
            raise ValueError("no rows")
    except ValueError:
        pass

if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[1]).Process(target=child)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""


@posix
@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_a_child_that_loads_tocsin_itself_sends_what_it_queued(
    how: str, slack_server: SlackServer, env: dict[str, str], tmp_path: Path
) -> None:
    words = [sys.executable, str(script(tmp_path, f"import sys\n{LATE}")), how]
    done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (text,) = texts(slack_server)
    assert "child failed" in text


LOOPED = """
import asyncio
pid = os.fork()
async def main():
    from tocsin.core.outcomes import Queued
    with interpreting(reliable()) as background:
        from tocsin import Recording
        with interpreting(Recording()) as recording:
            notify("in a loop")
        outcome = background(recording.effects[0])
        print(type(outcome.unwrap()._inner_value).__name__)
    await asyncio.to_thread(flush)
asyncio.run(main())
if pid:
    os.waitpid(pid, 0)
"""


@posix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_an_event_loop_of_a_child_nothing_blocks_either(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    done = run(tmp_path, env, LOOPED)
    assert (done.returncode, done.stdout) == (0, "Queued\nQueued\n"), done.stderr
    assert texts(slack_server) == ["in a loop failed: disk full"] * 2


@posix
def test_a_child_of_multiprocessing_reports_what_it_could_not_send(
    slack_server: SlackServer, env: dict[str, str], tmp_path: Path
) -> None:
    slack_server.stop()
    program = (
        FORKED.replace('notify("parent")', "pass")
        .replace('notify("parent again")', "pass")
        .replace("after_fork=after", "exit_timeout=4, after_fork=after")
    )
    done = run(tmp_path, env, program, "fork", "queue")
    (line,) = done.stderr.splitlines()
    assert line.startswith(("tocsin: could not tell Slack of 'child'", LATE_LINE))


def test_nothing_of_a_message_is_lost_between_two_processes(slack_server: SlackServer, env: dict[str, str], tmp_path: Path) -> None:
    done = run(tmp_path, env, "print(flush(), flush(0))\n")
    assert (done.stdout, done.stderr) == ("True True\n", "")
    assert json.dumps(texts(slack_server)) == "[]"
