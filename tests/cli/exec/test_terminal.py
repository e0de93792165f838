"""A command in a terminal: it gets a terminal, with its size and the signals of the keyboard."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Protocol

import pytest

from tests.cli.exec.commands import FOLLOWS, HEARS, PYTHON, Watch, blocking, nothing
from tests.cli.exec.terminals import SIZE, Terminal

TAILS = [(), ("--tail", "3")]
PRINTS_TERMINAL = """
import os
size = os.get_terminal_size(1)
print([os.isatty(stream) for stream in (0, 1, 2)], os.isatty(1) and (size.lines, size.columns), os.getpgrp() == os.getppid())
"""


class Open(Protocol):
    """Opens a terminal with a command in it."""

    def __call__(
        self, *words: str, streams: tuple[int, ...] = (0, 1, 2), told: str = "", before: Callable[[], object] = nothing
    ) -> Terminal: ...


@pytest.fixture
def terminal(watch: Watch) -> Iterator[Open]:
    """Opens terminals."""
    with ExitStack() as stack:

        def opened(
            *words: str, streams: tuple[int, ...] = (0, 1, 2), told: str = "", before: Callable[[], object] = nothing
        ) -> Terminal:
            return stack.enter_context(closing(Terminal(watch, *words, streams=streams, told=told, before=before)))

        yield opened


@pytest.mark.parametrize("tail", TAILS)
def test_it_has_a_terminal_of_the_same_size(terminal: Open, tail: tuple[str, ...]) -> None:
    screen = terminal(*tail, "--", *PYTHON, PRINTS_TERMINAL)
    assert screen.shows("\n") == f"[True, True, True] {SIZE} True\r"
    assert screen.watched.wait() == 0
    assert [ended.tail for ended in screen.watched.ended] == [f"[True, True, True] {SIZE} True\n".encode() if tail else b""]


@pytest.mark.parametrize("tail", TAILS)
def test_what_is_no_terminal_stays_none(terminal: Open, tail: tuple[str, ...]) -> None:
    screen = terminal(*tail, "--", *PYTHON, "import os; print([os.isatty(stream) for stream in (0, 1, 2)])", streams=(2,))
    assert screen.watched.done()[:2] == (0, b"[False, False, True]\n")


@pytest.mark.parametrize("tail", TAILS)
def test_the_keyboards_interrupt_reaches_it_once(terminal: Open, tail: tuple[str, ...]) -> None:
    screen = terminal(*tail, "--", *PYTHON, HEARS)
    screen.shows("ready")
    screen.type("\x03")
    screen.shows("SIGINT")
    screen.watched.send(signal.SIGUSR1)  # what tocsin has to pass on, it passes on in order
    assert "SIG" not in screen.shows("SIGUSR1")
    screen.watched.send(signal.SIGTERM)
    screen.shows("SIGTERM")
    screen.watched.send(signal.SIGUSR2)
    assert screen.watched.wait() == 7
    assert screen.watched.ended[0].stopped_by == signal.SIGINT


def test_without_what_we_stand_on_it_reaches_it_once_too(terminal: Open) -> None:
    screen = terminal("--", *PYTHON, HEARS, told="bare", streams=(0, 1))
    screen.shows("ready")
    assert screen.watched.err.readline().startswith(b"tocsin: no notification was sent: ")
    screen.type("\x03")
    screen.shows("SIGINT")
    screen.watched.send(signal.SIGUSR1)
    assert "SIG" not in screen.shows("SIGUSR1")
    screen.watched.send(signal.SIGUSR2)
    assert screen.watched.wait() == 7


def test_the_keyboards_interrupt_ends_what_does_not_mind_it(terminal: Open) -> None:
    screen = terminal("--", "sh", "-c", "echo ready; exec sleep 1000")
    screen.shows("ready")
    screen.type("\x03")
    assert screen.watched.wait() == 130
    (ended,) = screen.watched.ended
    assert (ended.signal, ended.stopped_by) == (signal.SIGINT, signal.SIGINT)


@pytest.mark.parametrize("tail", TAILS)
def test_it_follows_the_size(terminal: Open, tail: tuple[str, ...]) -> None:
    screen = terminal(*tail, "--", *PYTHON, FOLLOWS)
    screen.shows("ready")
    screen.resize(44, 77)
    screen.shows("is 44 77")
    screen.watched.send(signal.SIGUSR2)
    assert screen.watched.wait() == 0


def test_it_reads_what_is_typed(terminal: Open) -> None:
    screen = terminal("--tail", "3", "--", "sh", "-c", "echo go; read answer; echo got $answer")
    screen.shows("go")
    screen.type("yes\n")
    screen.shows("got yes")
    assert screen.watched.wait() == 0


def test_a_time_out_leaves_our_own_group_alone(terminal: Open) -> None:
    screen = terminal(
        "--timeout", "0.3", "--kill-after", "0.1", "--", *PYTHON, "import time; time.sleep(1000)", before=blocking(signal.SIGTERM)
    )
    assert screen.watched.wait() == 124
    assert screen.watched.ended[0].killed is True
