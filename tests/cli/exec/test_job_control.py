"""A command in the background of an interactive shell: it is stopped and continued, and ``fg`` gives it the terminal."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.exec.commands import FOLLOWS, Watch, Watched
from tests.cli.exec.terminals import Shell, Terminal
from tocsin.cli.exec import job_control
from tocsin.cli.exec.signal_pipe import SignalPipe
from tocsin.cli.exec.spawn import Child

TAILS = ["", "--tail 3 "]
READS = "sh -c 'echo $((6*7)) up; read x; echo got $x; exit 4'"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """An interactive shell."""
    with closing(Shell(tmp_path)) as made:
        yield made


def waits_for_the_terminal(shell: Shell, options: str = "", command: str = READS) -> None:
    """Run a command in the background that reads from the terminal."""
    shell.type(f"./run {options}-- {command} &\n")
    shell.shows("42 up")
    shell.shows("Stopped")


@pytest.mark.parametrize("tail", TAILS)
def test_a_job_in_the_foreground_reads_what_is_typed(shell: Shell, tail: str) -> None:
    waits_for_the_terminal(shell, tail)
    shell.foreground()
    shell.type("yes\n")
    shell.shows("got yes")
    assert shell.status() == 4


@pytest.mark.parametrize("tail", TAILS)
def test_the_keyboards_interrupt_reaches_it_and_it_is_not_tried_again(shell: Shell, tail: str) -> None:
    reads = READS.replace("exit 4", "exec sleep 1000")
    waits_for_the_terminal(shell, f"{tail}--retries 3 --retry-delay 0 ", reads)
    shell.foreground()
    shell.type("yes\n")
    shell.shows("got yes")
    shell.type("\x03")
    assert shell.status() == 130
    (ended,) = Watched(shell.process, shell.log).ended
    assert (ended.signal, ended.stopped_by) == (signal.SIGINT, signal.SIGINT)


@pytest.mark.parametrize("tail", TAILS)
def test_it_is_stopped_from_the_keyboard_and_goes_on(shell: Shell, tail: str) -> None:
    waits_for_the_terminal(shell, tail, "sh -c 'echo $((6*7)) up; while read x && echo got $x; do :; done; exit 4'")
    for word in ("one", "two"):
        shell.foreground()
        shell.type(f"{word}\n")
        shell.shows(f"got {word}")
        shell.type("\x1a")
        shell.shows("Stopped")
    shell.type("bg\n")
    shell.shows("Stopped")  # it reads
    shell.foreground()
    shell.type("\x04")
    assert shell.status() == 4


def test_with_a_tail_it_follows_the_size_of_the_terminal_that_it_was_given(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "follows.py").write_text(FOLLOWS)
    waits_for_the_terminal(shell, "--tail 3 ", f"sh -c 'echo $((6*7)) up; read x; exec {sys.executable} -S follows.py'")
    shell.foreground()
    shell.type("yes\n")
    shell.shows("ready")
    for lines, columns in ((44, 77), (20, 60)):
        shell.resize(lines, columns)
        shell.shows(f"is {lines} {columns}")
    shell.type("\x03")
    assert shell.status() == 0


def test_a_running_job_is_stopped_with_its_command(shell: Shell) -> None:
    shell.type("./run -- sh -c 'echo $((6*7)) up; sleep 1000; exit 5' &\n")
    shell.shows("42 up")
    shell.foreground()  # bash sends no signal to a job that runs
    shell.type("\x1a")
    shell.shows("Stopped")
    shell.foreground()
    shell.type("\x03")
    assert shell.status() == 130


def test_a_stop_that_the_terminal_did_not_send_is_seen_too(shell: Shell) -> None:
    shell.type("./run -- sh -c 'echo $((6*7)) up; kill -STOP $$; read x; exit 6' &\n")
    shell.shows("42 up")
    shell.shows("Stopped")
    shell.foreground()
    shell.type("yes\n")
    assert shell.status() == 6


def test_a_time_out_takes_the_terminal_back(shell: Shell) -> None:
    waits_for_the_terminal(shell, "--timeout 0.5 ")
    shell.foreground()
    assert shell.status() == 124


@pytest.mark.parametrize("tail", TAILS)
def test_it_may_write_while_the_command_has_the_terminal(shell: Shell, tail: str) -> None:
    shell.type("stty tostop\n")
    shell.type(f"./run {tail}-- {READS} &\n")
    shell.shows("Stopped")  # one of them writes
    shell.foreground()
    shell.shows("42 up")
    shell.type("yes\n")
    shell.shows("got yes")
    assert shell.status() == 4


def test_a_command_without_standard_streams_of_the_terminal_reads_from_it(watch: Watch) -> None:
    program = "echo up; read x </dev/tty; echo got $x"
    with closing(Terminal(watch, "--", "sh", "-c", program, streams=())) as screen:
        assert screen.watched.out.readline() == b"up\n"
        screen.type("yes\n")
        assert screen.watched.done() == (0, b"got yes\n", b"")


def test_a_stop_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        with SignalPipe() as signals:
            signals.add(signal.SIGTSTP)
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, before)


def test_what_is_no_terminal_any_more_has_no_foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_control, "_TERMINAL", os.devnull)
    assert job_control.foreground(Child(os.getpid())) == "none"


def test_a_system_may_forget_the_group_of_a_process_that_has_ended() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    assert job_control.group_of(Child(pid, 77)) == 77
    assert job_control.group_of(Child(pid)) == os.getpgrp()
