"""The command may leave its group, its group is always reached, and nothing stays behind when tocsin is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import attrs
import pytest

from tests.cli.exec.commands import HEARS, PYTHON, Watch, Watched, ignoring
from tests.cli.exec.terminals import Terminal
from tocsin.cli.exec.process_group import GroupLeader

LEADS_A_SESSION = "import os; os.setsid()\n"
JOINS_TOCSIN = "import os; os.setpgid(0, os.getpgid(os.getppid()))\n"


@attrs.frozen
class Lifeline:
    """A pipe. Its reader sees the end when every process that inherited the writer has ended, or closed it."""

    reader: int
    writer: int

    def gone(self) -> bool:
        """Wait until all of them have ended."""
        os.close(self.writer)
        return os.read(self.reader, 1) == b""


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    """A pipe for the processes of a test."""
    made = Lifeline(*os.pipe())
    yield made
    os.close(made.reader)


def running(pid: int) -> bool:
    """Return whether the process exists; kill it."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


# --- a command that leaves its group ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("setsid",), ("setsid", "-w")], ids=" ".join)
def test_setsid_is_waited_for(watch: Watch, words: tuple[str, ...]) -> None:
    assert watch("--", *words, "sh", "-c", "echo ready; exit 5").done() == (5, b"ready\n", b"")


def test_the_command_may_lead_a_session(watch: Watch) -> None:
    program = LEADS_A_SESSION + "print(os.getsid(0) == os.getpid() == os.getpgrp())"
    assert watch("--", *PYTHON, program).done() == (0, b"True\n", b"")


@pytest.mark.parametrize("leaves", ["", LEADS_A_SESSION, JOINS_TOCSIN], ids=["stays", "setsid", "setpgid"])
def test_a_signal_reaches_it_once_wherever_it_is(watch: Watch, leaves: str) -> None:
    watched = watch("--", *PYTHON, leaves + HEARS)
    assert watched.out.readline() == b"ready\n"
    for number in (signal.SIGTERM, signal.SIGINT):
        watched.send(number)
        assert watched.out.readline().decode().strip() == number.name
    watched.send(signal.SIGUSR2)
    assert watched.done() == (7, b"SIGUSR2\n", b"")
    assert watched.ended[0].stopped_by == signal.SIGTERM


@pytest.mark.parametrize("deaf", [False, True], ids=["", "deaf"])
def test_a_time_out_ends_the_session_that_it_leads(watch: Watch, lifeline: Lifeline, deaf: bool) -> None:
    program = f"exec 2>&-; {'trap : TERM; ' if deaf else ''}sleep 1000 | sleep 1000; sleep 1000"
    watched = watch("--timeout", "0.3", "--kill-after", "0.1", "--", "setsid", "sh", "-c", program, keep=[lifeline.writer])
    assert watched.done() == (124, b"", b"")
    assert watched.ended[0].killed is deaf
    assert lifeline.gone()


def test_the_keyboard_reaches_a_command_that_left_the_foreground(watch: Watch) -> None:
    with closing(Terminal(watch, "--", *PYTHON, "import os; os.setpgid(0, 0)\n" + HEARS)) as screen:
        screen.shows("ready")
        screen.type("\x03")
        screen.shows("SIGINT")
        screen.watched.send(signal.SIGUSR2)
        assert screen.watched.wait() == 7


# --- the helper process ----------------------------------------------------------------------------------------------------------


def test_it_survives_what_is_sent_to_the_group_and_ends_with_tocsin(watch: Watch, lifeline: Lifeline) -> None:
    program = f"import os; os.close({lifeline.writer}); print(os.getpgrp(), flush=True)\n{HEARS}"
    watched = watch("--", *PYTHON, program, keep=[lifeline.writer])
    group = int(watched.out.readline())
    assert watched.out.readline() == b"ready\n"
    assert group not in {watched.process.pid, os.getpgid(watched.process.pid)}
    os.kill(-group, signal.SIGTERM)
    assert watched.out.readline() == b"SIGTERM\n"
    assert os.getpgid(group) == group
    watched.send(signal.SIGUSR2)
    assert watched.wait() == 7
    assert lifeline.gone()
    assert not running(group)


def killed(watched: Watched) -> int:
    """Wait for the command's process id, kill tocsin, and return the id."""
    pid = int(watched.out.readline())
    watched.send(signal.SIGKILL)
    assert watched.wait() == -signal.SIGKILL
    return pid


def test_a_killed_tocsin_leaves_the_command_and_no_helper(watch: Watch, lifeline: Lifeline) -> None:
    program = f"import os, signal; os.close({lifeline.writer}); print(os.getpid(), flush=True); signal.pause()"
    pid = killed(watch("--", *PYTHON, program, keep=[lifeline.writer]))
    assert lifeline.gone()
    assert running(pid)


@pytest.mark.parametrize("words", [(), ("setsid",)], ids=["", "setsid"])
@pytest.mark.parametrize("tail", [(), ("--tail", "3")], ids=["", "tail"])
def test_the_command_dies_with_tocsin_where_that_is_asked(
    watch: Watch, lifeline: Lifeline, words: tuple[str, ...], tail: tuple[str, ...]
) -> None:
    program = "trap 'echo $$' USR1; sleep 1000 & echo ready; wait; sleep 1000; echo over"
    watched = watch(
        "--die-with-parent", *tail, "--", *words, "sh", "-c", program, keep=[lifeline.writer], before=ignoring(signal.SIGTERM)
    )
    assert watched.out.readline() == b"ready\n"
    watched.send(signal.SIGUSR1)  # passed on once tocsin has told the helper the process id
    killed(watched)
    assert lifeline.gone()


def test_it_dies_with_tocsin_in_a_terminal_too(watch: Watch) -> None:
    with closing(Terminal(watch, "--die-with-parent", "--", "sh", "-c", "echo up; exec sleep 1000", streams=(0, 2))) as screen:
        assert screen.watched.out.readline() == b"up\n"
        screen.watched.send(signal.SIGKILL)
        assert screen.watched.out.read() == b""
        assert screen.watched.wait() == -signal.SIGKILL


def test_what_a_command_leaves_running_lives_on_after_a_usual_end(watch: Watch) -> None:
    status, out, err = watch("--die-with-parent", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!").done()
    assert (status, err) == (0, b"")
    assert running(int(out))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), b""),
        (("--die-with-parent",), b"tocsin: --die-with-parent has no effect: the helper process, /bin/sh, could not be started\n"),
    ],
    ids=["", "die-with-parent"],
)
def test_without_a_helper_the_command_leads_its_group(watch: Watch, options: tuple[str, ...], said: bytes) -> None:
    program = f"import os; print(os.getpgrp() == os.getpid(), flush=True)\n{HEARS}"
    watched = watch(*options, "--", *PYTHON, program, told="shell-less")
    assert (watched.out.readline(), watched.out.readline()) == (b"True\n", b"ready\n")
    watched.send(signal.SIGTERM)
    assert watched.out.readline() == b"SIGTERM\n"
    watched.send(signal.SIGUSR2)
    assert watched.done() == (7, b"SIGUSR2\n", said)


def test_without_a_helper_a_program_that_is_missing_is_still_said(watch: Watch) -> None:
    status, out, err = watch("--", "/nonexistent/program", told="shell-less").done()
    assert (status, out, err) == (127, b"", b"tocsin: /nonexistent/program: there is no such program\n")


def test_a_helper_that_was_killed_is_no_error() -> None:
    leader = GroupLeader(die_with_parent=True)
    os.kill(leader.pid, signal.SIGKILL)
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    leader.watch(1)
    leader.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(leader.pid, 0)


def test_the_first_process_of_a_container_may_reap_the_helper_first() -> None:
    program = """
import os, signal
from tocsin.cli.exec.process_group import GroupLeader
from tocsin.cli.exec.spawn import Child

def started(*words):
    leader = GroupLeader(die_with_parent=False)
    pid = os.posix_spawnp(words[0], words, os.environ, setpgroup=leader.pid)
    os.kill(leader.pid, signal.SIGKILL)
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    child = Child(pid, leader.pid, leader)
    assert not child.reap(all_children=True)
    assert leader.reaped
    return child

child = started("sleep", "1000")
child.send(signal.SIGKILL)  # the group is there as long as the command is in it
while not child.reap(all_children=True):
    pass
print(child.raw)
child.kill_rest()  # the number may be another group's now
child.close()

child = started("sleep", "1000")
child.send(signal.SIGSTOP)
while child.stopped is None:
    child.reap(all_children=True)
print(child.stopped == signal.SIGSTOP)
child.send(signal.SIGKILL)
while not child.reap(all_children=True):
    pass
print(child.raw)
child.close()

child = started("setsid", "sleep", "1000")
while os.getpgid(child.pid) != child.pid:
    os.sched_yield()
child.send(signal.SIGKILL)  # it has left, so the number may be another group's
while not child.reap(all_children=True):
    pass
print(child.raw)
child.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("9\nTrue\n9\n9\n", "")
