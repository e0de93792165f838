"""Signals reach the command once, time-outs end it, and no process of a killed group is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.exec.commands import HEARS, PYTHON, Watch, Watched, blocking, ignoring
from tocsin.cli.exec.context import send
from tocsin.cli.exec.spawn import Child
from tocsin.core.supervisor import describe_end

FORWARDED = [
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGALRM,
    signal.SIGWINCH,
    signal.SIGCONT,
]
OBEYS = "import signal; signal.sigwait([signal.SIGTERM]); print('so be it')"
DEAF = "import time; time.sleep(1000)"


def heard(watched: Watched, *numbers: int) -> list[str]:
    """Return the signals that the command reports, up to SIGUSR2, which ends it."""
    for number in numbers:
        watched.send(number)
        assert watched.out.readline().decode().strip() == signal.Signals(number).name
    watched.send(signal.SIGUSR2)
    return watched.out.read().decode().split()


@pytest.fixture(params=[(), ("--tail", "3")], ids=["", "tail"])
def hearing(watch: Watch, request: pytest.FixtureRequest) -> Watched:
    """A command that is ready for signals and prints those that it receives."""
    tail: tuple[str, ...] = request.param
    watched = watch(*tail, "--timeout", "1d", "--", *PYTHON, HEARS)
    assert watched.out.readline() == b"ready\n"
    return watched


@pytest.mark.parametrize("number", FORWARDED)
def test_a_signal_is_passed_on_once(hearing: Watched, number: int) -> None:
    assert heard(hearing, number) == ["SIGUSR2"]
    assert hearing.wait() == 7
    (ended,) = hearing.ended
    stopping = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    assert (ended.status, ended.signal, ended.stopped_by) == (7, None, number if number in stopping else None)


def test_the_first_signal_is_what_stopped_it(hearing: Watched) -> None:
    assert heard(hearing, signal.SIGALRM, signal.SIGHUP, signal.SIGTERM) == ["SIGUSR2"]
    assert hearing.wait() == 7
    assert hearing.ended[0].stopped_by == signal.SIGHUP


def test_a_signal_that_kills_it_is_ours_too(watch: Watch) -> None:
    watched = watch("--", "sh", "-c", "echo ready; exec sleep 1000")
    assert watched.out.readline() == b"ready\n"
    watched.send(signal.SIGTERM)
    assert watched.done() == (143, b"", b"")
    (ended,) = watched.ended
    assert (ended.signal, ended.stopped_by) == (signal.SIGTERM, signal.SIGTERM)
    assert 0 <= ended.ended - ended.started < 60


def test_the_whole_group_gets_it(watch: Watch) -> None:
    watched = watch("--", "sh", "-c", "echo ready; sleep 1000 | sleep 1000; echo over")
    assert watched.out.readline() == b"ready\n"
    watched.send(signal.SIGTERM)
    assert watched.out.read() == b""  # every writer has ended
    assert watched.wait() == 143


def test_a_command_that_is_stopped_goes_on(watch: Watch) -> None:
    watched = watch("--", "sh", "-c", "echo ready; kill -STOP $$; echo on")
    assert watched.out.readline() == b"ready\n"
    while watched.process.poll() is None:  # it may not be stopped yet
        watched.send(signal.SIGCONT)
        os.sched_yield()
    assert watched.done() == (0, b"on\n", b"")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_what_was_ignored_stays_ignored(watch: Watch, number: int) -> None:
    program = f"import signal\nprint(signal.getsignal({number}) is signal.SIG_IGN, flush=True)\n{HEARS}"
    watched = watch("--", *PYTHON, program, before=ignoring(number))
    assert (watched.out.readline(), watched.out.readline()) == (b"True\n", b"ready\n")
    watched.send(number)
    assert heard(watched, signal.SIGALRM) == ["SIGUSR2"]
    assert watched.wait() == 7
    assert watched.ended[0].stopped_by is None


def test_what_python_ignores_is_not_ignored(watch: Watch) -> None:
    status, out, _ = watch("--", "grep", "SigIgn", "/proc/self/status").done()
    assert status == 0
    assert int(out.split()[1], 16) & (1 << 31) - 1 == 0  # the higher ones are reserved by the C library


def test_what_was_blocked_stays_blocked(watch: Watch) -> None:
    blocked = {signal.SIGUSR1, signal.SIGCHLD}
    program = "import signal; print(*sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    expected = " ".join(str(int(number)) for number in sorted(blocked)) + "\n"
    assert watch("--", *PYTHON, program, before=blocking(*blocked)).done() == (0, expected.encode(), b"")


# --- time-outs ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lifeline() -> Iterator[tuple[int, int]]:
    """A pipe whose first end reports the end when all processes that inherit the second have ended."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def gone(lifeline: tuple[int, int]) -> bool:
    """Wait until all processes have ended."""
    reader, writer = lifeline
    os.close(writer)
    return os.read(reader, 1) == b""


@pytest.mark.parametrize("tail", [(), ("--tail", "3")])
def test_a_time_out_is_124(watch: Watch, tail: tuple[str, ...], lifeline: tuple[int, int]) -> None:
    watched = watch(*tail, "--timeout", "0.2", "--", "sh", "-c", "sleep 1000; echo over", keep=lifeline[1:])
    assert watched.done() == (124, b"", b"")
    (ended,) = watched.ended
    assert (ended.timed_out, ended.killed, ended.signal) == (True, False, signal.SIGTERM)
    assert 0.2 <= ended.ended - ended.started < 60
    assert describe_end(ended) == "it may take 200 ms"
    assert gone(lifeline)


@pytest.mark.parametrize("tail", [(), ("--tail", "3")])
def test_a_command_that_ends_well_when_asked_to_has_timed_out(watch: Watch, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--timeout", "0.2", "--kill-after", "1d", "--", *PYTHON, OBEYS, before=blocking(signal.SIGTERM))
    assert watched.done() == (124, b"so be it\n", b"")
    (ended,) = watched.ended
    assert (ended.timed_out, ended.signal, ended.tail) == (True, None, b"so be it\n" if tail else b"")


@pytest.mark.parametrize("after", ["0", "0.2"])
def test_a_command_that_ignores_that_is_killed(watch: Watch, after: str, lifeline: tuple[int, int]) -> None:
    words = ("--timeout", "0.2", "--kill-after", after, "--", *PYTHON, DEAF)
    watched = watch(*words, keep=lifeline[1:], before=blocking(signal.SIGTERM))
    assert watched.done() == (124, b"", b"")
    (ended,) = watched.ended
    assert (ended.timed_out, ended.killed, ended.signal) == (True, True, signal.SIGKILL)
    assert describe_end(ended) == "it may take 200 ms, and had to be killed"
    assert gone(lifeline)


def test_a_command_that_is_stopped_is_woken_up_to_end(watch: Watch) -> None:
    watched = watch("--timeout", "0.2", "--kill-after", "1d", "--", "sh", "-c", "kill -STOP $$")
    assert watched.done() == (124, b"", b"")
    assert watched.ended[0].killed is False


def test_the_rest_of_its_group_is_killed_with_it(watch: Watch, lifeline: tuple[int, int]) -> None:
    program = "(trap '' TERM; sleep 1000) & exec sleep 1000"
    watched = watch("--timeout", "0.3", "--", "sh", "-c", program, keep=lifeline[1:])
    assert watched.done() == (124, b"", b"")
    assert gone(lifeline)


class Foreign(Child):
    """A process of another user, as after ``sudo``; or one that has ended."""

    def send(self, number: int) -> None:
        raise ProcessLookupError if number == signal.SIGCONT else PermissionError(1, "Operation not permitted")


def test_a_signal_that_may_not_be_sent_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    send(Foreign(1), signal.SIGTERM, signal.SIGCONT)
    assert capsys.readouterr().err == "tocsin: SIGTERM could not be sent to the command: Operation not permitted\n"


def test_the_first_process_of_a_container_reaps_what_others_leave() -> None:
    program = """
import os, sys
from tocsin.cli.exec.spawn import Child
orphan = os.posix_spawn("/bin/true", ["true"], {})
child = Child(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {}))
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
while not child.reap(all_children=True):
    pass
print(child.raw)
another = Child(os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}))
print(another.reap(all_children=True))
another.send(9)
os.waitid(os.P_PID, another.pid, os.WEXITED | os.WNOWAIT)
print(another.reap(all_children=True), another.raw)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"{3 << 8}\nFalse\nTrue 9\n", "")
