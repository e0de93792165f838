"""A trial: a command that is run without and with ``tocsin exec``, and what must be the same.

A trial has rows. Each is a row of the table in the docs, and one thing that is compared. The runs of a trial come one after the other.
They share one folder, and the descriptors that ``opens`` makes.
"""

import errno
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import attrs

from tests.cli.exec.commands import nothing

EXEC = (sys.executable, "-c", "from tocsin.cli import main; main()", "exec", "--notify", "none")
"""``tocsin exec``, in a process of its own, as the installed command starts it."""

TAIL = ("--tail", "3")
WHOLE = ""
"""The key of a row that compares the exit status, as a shell has it, and all that the command writes."""

IGNORED = (
    "sh",
    "-c",
    "while read -r name mask; do if [ $name = SigIgn: ]; then echo $((0x$mask & ~0x180000000)); fi; done </proc/self/status",
)
"""Prints the mask of the ignored signals, but for two of the C library's own."""

NOT_TRIED = "not tried"
PATIENCE = 60.0  # seconds that one run may take
SIZE = (33, 101)  # lines and columns of a terminal


@attrs.frozen
class Row:
    """One row of the table.

    Args:
        tried: what is tried.
        same: what is the same without and with tocsin.
        key: which observation is compared.
        tail: whether it is the same with ``--tail``, too; else a text that says what is different.
    """

    tried: str
    same: str
    key: str = WHOLE
    tail: bool | str = True


@attrs.frozen
class Act:
    """What is done once the command has written something: a signal is sent to the process that was started, or bytes are typed."""

    after: bytes
    signal: int | None = None
    types: bytes = b""


@attrs.frozen
class Seen:
    """What a run showed: the exit status as a shell has it, and the outputs; those of a terminal are one."""

    status: int
    out: bytes
    err: bytes
    folder: Path


def whole(seen: Seen) -> Mapping[str, object]:
    """Observe the exit status and the outputs."""
    return {WHOLE: (seen.status, seen.out, seen.err)}


def facts(seen: Seen) -> Mapping[str, object]:
    """Observe what the probe wrote, besides the exit status and the outputs."""
    path = seen.folder / "facts.json"
    found: dict[str, object] = json.loads(path.read_text())
    path.unlink()
    return {**whole(seen), **found}


def no_files(_: Path) -> Mapping[int, int]:
    """Open nothing."""
    return {}


@attrs.frozen(kw_only=True)
class Trial:
    """A command, how it is run, and the rows of the table that it fills.

    Args:
        area: the heading of the rows.
        rows: what is compared.
        words: the command.
        script: a script of sh in which ``"$@"`` is the command, with tocsin before it or not; None runs it directly.
        given: what the command may read from its standard input, a pipe; None for ``/dev/null``.
        before: called in the new process before it becomes the command or tocsin.
        environment: variables in addition to a few usual ones.
        opens: opens descriptors in a folder, and returns them by the number that the command finds them under.
        acts: what is done while it runs, in order.
        terminal: whether its standard streams are a terminal, which it controls.
        observe: returns what can be compared.
        sets: observations that show that the trial tries what it says.
        slow: whether only ``tox -e deep`` runs it.
    """

    area: str
    rows: tuple[Row, ...]
    words: tuple[str, ...]
    script: str | None = None
    given: bytes | None = b""
    before: Callable[[], object] = nothing
    environment: Mapping[str, str | bytes] = MappingProxyType({})
    opens: Callable[[Path], Mapping[int, int]] = no_files
    acts: tuple[Act, ...] = ()
    terminal: bool = False
    observe: Callable[[Seen], Mapping[str, object]] = whole
    sets: Mapping[str, object] = MappingProxyType({})
    slow: bool = False

    @property
    def name(self) -> str:
        """The name of its test."""
        return f"{self.area}: {self.rows[0].tried}" + (f" and {len(self.rows) - 1} more" if len(self.rows) > 1 else "")

    @property
    def prefixes(self) -> tuple[tuple[str, ...], ...]:
        """What is put before the command with tocsin: without ``--tail``, and with it where something is the same then."""
        usual = (*EXEC, "--")
        return (usual, (*EXEC, *TAIL, "--")) if any(row.tail is True for row in self.rows) else (usual,)


def ordinary() -> None:  # pragma: no cover - between fork and exec nothing is measured
    """Give the new process the usual signals, whatever the test runner has."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@contextmanager
def opened(trial: Trial, folder: Path) -> Iterator[Mapping[int, int]]:
    """Open the descriptors of a trial, for all of its runs."""
    files = trial.opens(folder)
    try:
        yield files
    finally:
        for file in files.values():
            os.close(file)


def run(trial: Trial, prefix: Sequence[str], folder: Path, files: Mapping[int, int]) -> Seen:
    """Run the command of a trial after a prefix, and return what was seen."""
    words = [*prefix, *trial.words]
    if trial.script is not None:
        words = ["sh", "-c", trial.script, "sh", *words]
    master, slave = os.openpty() if trial.terminal else (-1, -1)
    if trial.terminal:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    pipe = subprocess.DEVNULL if trial.given is None else subprocess.PIPE
    streams = [slave] * 3 if trial.terminal else [files.get(0, pipe), files.get(1, subprocess.PIPE), files.get(2, subprocess.PIPE)]

    def before() -> None:  # pragma: no cover - between fork and exec nothing is measured
        if trial.terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number, file in files.items():
            if number > 2:
                os.dup2(file, number)
        ordinary()
        trial.before()

    process = subprocess.Popen(
        words,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TOCSIN_NOTIFY": "none", **trial.environment},
        start_new_session=True,
        close_fds=False,
        preexec_fn=before,  # noqa: PLW1509 - it takes no lock
    )
    try:
        if trial.terminal:
            os.close(slave)
            out, err = _terminal_session(trial, process, master), b""
        else:
            first = _pipe_session(trial, process)
            rest, err = process.communicate(None if trial.acts else trial.given, PATIENCE)
            out, err = first + (rest or b""), err or b""
        status = process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        if trial.terminal:
            os.close(master)
    return Seen(status if status >= 0 else 128 - status, out, err, folder)


def _pipe_session(trial: Trial, process: "subprocess.Popen[bytes]") -> bytes:
    """Act on a command with pipes. Return what it wrote meanwhile."""
    if not trial.acts:
        return b""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(trial.given or b"")
    process.stdin.flush()
    return _act(trial, process, process.stdout.fileno(), process.stdin.fileno())


def _terminal_session(trial: Trial, process: "subprocess.Popen[bytes]", master: int) -> bytes:
    """Act on a command in a terminal. Return what the terminal showed until the command and its children had left it."""
    seen = _act(trial, process, master, master)
    while more := _read(master):
        seen += more
    return seen


def _act(trial: Trial, process: "subprocess.Popen[bytes]", source: int, target: int) -> bytes:
    seen, at = b"", 0
    for act in trial.acts:
        while (found := seen.find(act.after, at)) < 0:
            more = _read(source)
            assert more, seen
            seen += more
        at = found + len(act.after)
        if act.signal is not None:
            os.kill(process.pid, act.signal)
        os.write(target, act.types)
    return seen


def _read(source: int) -> bytes:
    """Read what comes next; nothing at the end of a pipe, or of the session in a terminal."""
    ready, _, _ = select.select([source], [], [], PATIENCE)
    assert ready, f"nothing came until {time.ctime()}"
    try:
        return os.read(source, 65536)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""
