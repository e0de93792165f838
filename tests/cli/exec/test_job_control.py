"""A command in the background of an interactive shell: it is stopped and continued, and ``fg`` gives it the terminal."""

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.exec.commands import Watch, Watched
from tests.cli.exec.terminals import Shell, Terminal

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


def goes_on(shell: Shell) -> None:
    """Put the job into the foreground, and wait until it reads what is typed."""
    shell.type("fg\n")
    shell.shows("fg\r\n")
    shell.shows("\n")  # the shell shows the job


@pytest.mark.parametrize("tail", TAILS)
def test_a_job_in_the_foreground_reads_what_is_typed(shell: Shell, tail: str) -> None:
    waits_for_the_terminal(shell, tail)
    goes_on(shell)
    shell.type("yes\n")
    shell.shows("got yes")
    assert shell.status() == 4


@pytest.mark.parametrize("tail", TAILS)
def test_the_keyboards_interrupt_reaches_it_and_it_is_not_tried_again(shell: Shell, tail: str) -> None:
    reads = READS.replace("exit 4", "exec sleep 1000")
    waits_for_the_terminal(shell, f"{tail}--retries 3 --retry-delay 0 ", reads)
    goes_on(shell)
    shell.type("yes\n")
    shell.shows("got yes")
    shell.type("\x03")
    assert shell.status() == 130
    (ended,) = Watched(shell.process, shell.log).ended
    assert (ended.signal, ended.stopped_by) == (signal.SIGINT, signal.SIGINT)


@pytest.mark.parametrize("tail", TAILS)
def test_it_is_stopped_from_the_keyboard_and_goes_on(shell: Shell, tail: str) -> None:
    waits_for_the_terminal(shell, tail)
    for _ in range(2):
        goes_on(shell)
        shell.type("\x1a")
        shell.shows("Stopped")
    shell.type("bg\n")
    shell.shows("Stopped")  # it reads
    goes_on(shell)
    shell.type("yes\n")
    shell.shows("got yes")
    assert shell.status() == 4


def test_a_running_job_is_stopped_with_its_command(shell: Shell) -> None:
    shell.type("./run -- sh -c 'echo $((6*7)) up; sleep 1000; exit 5' &\n")
    shell.shows("42 up")
    goes_on(shell)  # bash sends no signal to a job that runs
    shell.type("\x1a")
    shell.shows("Stopped")
    goes_on(shell)
    shell.type("\x03")
    assert shell.status() == 130


def test_a_stop_that_the_terminal_did_not_send_is_seen_too(shell: Shell) -> None:
    shell.type("./run -- sh -c 'echo $((6*7)) up; kill -STOP $$; read x; exit 6' &\n")
    shell.shows("42 up")
    shell.shows("Stopped")
    goes_on(shell)
    shell.type("yes\n")
    assert shell.status() == 6


def test_a_time_out_takes_the_terminal_back(shell: Shell) -> None:
    waits_for_the_terminal(shell, "--timeout 0.5 ")
    goes_on(shell)
    assert shell.status() == 124


@pytest.mark.parametrize("tail", TAILS)
def test_it_may_write_while_the_command_has_the_terminal(shell: Shell, tail: str) -> None:
    shell.type("stty tostop\n")
    shell.type(f"./run {tail}-- {READS} &\n")
    shell.shows("Stopped")  # one of them writes
    goes_on(shell)
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
