"""The command's input and output pass through unchanged and in order, with and without ``--tail``."""

import fcntl
import hashlib
import os
import resource
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.exec.commands import PYTHON, Watch, also
from tocsin.cli.exec.output_tee import MAX_TAIL, StreamCopy, Tail, from_line_start
from tocsin.cli.exec.routes import Route

TAILS = [(), ("--tail", "3")]
MANY = 3_000_000
BLINKS = "for n in 1 2 3 4 5 6 7 8 9; do echo out $n; echo err $n >&2; done"
BLINKED = "".join(f"out {n}\nerr {n}\n" for n in range(1, 10)).encode()
FLOOD = f"import os; b = bytes(65536); [os.write(1, b) for _ in range({MANY} // 65536)]"


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A file of 3 MB of all kinds of bytes."""
    path = tmp_path / "noise"
    path.write_bytes(os.urandom(MANY))
    return path


@pytest.mark.parametrize("tail", TAILS)
def test_bytes_are_left_alone(watch: Watch, noise: Path, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--", "sh", "-c", f"cat {noise}; cat {noise} >&2")
    assert watched.done() == (0, noise.read_bytes(), noise.read_bytes())


@pytest.mark.parametrize("tail", TAILS)
def test_a_hundred_megabytes_are_left_alone(watch: Watch, tmp_path: Path, tail: tuple[str, ...]) -> None:
    path = tmp_path / "much"
    block, ours, theirs = os.urandom(1 << 20), hashlib.sha1(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    with path.open("wb") as file:
        for number in range(100):
            part = number.to_bytes(8, "big") + block[8:]
            file.write(part)
            theirs.update(part)
    watched = watch(*tail, "--", "cat", str(path), stderr=None)
    while part := watched.out.read(1 << 20):
        ours.update(part)
    assert (watched.wait(), ours.digest()) == (0, theirs.digest())


@pytest.mark.parametrize("tail", TAILS)
def test_two_streams_in_one_pipe_keep_their_order(watch: Watch, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--", "sh", "-c", BLINKS, stderr=subprocess.STDOUT)
    assert watched.done()[:2] == (0, BLINKED)
    assert watched.ended[0].tail == (BLINKED if tail else b"")


@pytest.mark.parametrize("tail", TAILS)
def test_two_streams_in_one_file_keep_their_order(watch: Watch, tmp_path: Path, tail: tuple[str, ...]) -> None:
    with (tmp_path / "out").open("wb") as file:
        assert watch(*tail, "--", "sh", "-c", BLINKS, stdout=file, stderr=subprocess.STDOUT).wait() == 0
    assert (tmp_path / "out").read_bytes() == BLINKED


@pytest.mark.parametrize("tail", TAILS)
def test_what_is_appended_to_is_appended_to(watch: Watch, tmp_path: Path, noise: Path, tail: tuple[str, ...]) -> None:
    (tmp_path / "out").write_bytes(b"before\n")
    with (tmp_path / "out").open("ab") as file:
        assert watch(*tail, "--", *PYTHON, FLOOD, stdout=file).wait() == 0
    assert (tmp_path / "out").read_bytes() == b"before\n" + bytes(MANY // 65536 * 65536)


def test_the_tail_is_of_both_streams(watch: Watch) -> None:
    watched = watch("--tail", "2", "--", "sh", "-c", "echo one; echo two; read go; echo three >&2; read go", stdin=subprocess.PIPE)
    assert watched.process.stdin is not None
    assert watched.out.readline() + watched.out.readline() == b"one\ntwo\n"
    watched.process.stdin.write(b"\n")
    watched.process.stdin.flush()
    assert watched.err.readline() == b"three\n"
    assert watched.done(b"\n") == (0, b"", b"")
    assert watched.ended[0].tail == b"one\ntwo\nthree\n"


def test_the_tail_of_much_is_right(watch: Watch, tmp_path: Path) -> None:
    program = "import os; os.write(1, b''.join(b'%07d\\n' % n for n in range(400_000)))"
    watched = watch("--tail", "100000", "--", *PYTHON, program)
    status, out, _ = watched.done()
    assert (status, len(out)) == (0, 3_200_000)
    assert watched.ended[0].tail == out[-MAX_TAIL + 8 :]  # without the first line, which may be half a one


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"half\none\r\ntwo", b"one\r\ntwo"),
        (b"half %\r20 %\r\nend", b"20 %\r\nend"),
        (b"one line", b"one line"),
    ],
)
def test_a_tail_begins_with_a_line(data: bytes, kept: bytes) -> None:
    assert from_line_start(data) == kept


def test_a_tail_stays_short() -> None:
    tail, said = Tail(), b""
    for number in range(40):
        part = bytes([number]) * 10_000
        tail.keep(memoryview(part))
        said += part
    assert bytes(tail) == said[-MAX_TAIL:]


@pytest.mark.parametrize("tail", TAILS)
def test_input_is_left_alone(watch: Watch, noise: Path, tail: tuple[str, ...]) -> None:
    assert watch(*tail, "--", "cat", stdin=subprocess.PIPE).done(noise.read_bytes()) == (0, noise.read_bytes(), b"")


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("stream", [0, 1, 2])
def test_what_is_closed_is_closed_for_the_command(watch: Watch, tmp_path: Path, tail: tuple[str, ...], stream: int) -> None:
    program = """import os
closed = []
for stream in (0, 1, 2):
    try:
        os.fstat(stream)
    except OSError:
        closed.append(stream)
open("seen", "w").write(str(closed))
"""
    watched = watch(*tail, "--", *PYTHON, program, before=also(lambda: os.close(stream)))
    assert watched.done() == (0, b"", b"")
    assert (tmp_path / "seen").read_text() == f"[{stream}]"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("tail", TAILS)
def test_a_standard_error_that_is_closed_is_no_error(watch: Watch, tail: tuple[str, ...], unbuffered: str) -> None:
    python = {"PYTHONUNBUFFERED": unbuffered}
    missing = (*tail, "--", "no-such-program")
    assert watch(*missing, before=also(lambda: os.close(2)), environment=python).done() == (127, b"", b"")
    reader, writer = os.pipe()
    os.close(reader)
    assert watch(*missing, stderr=writer, environment=python).wait() == 127
    os.close(writer)


@pytest.mark.parametrize("tail", TAILS)
def test_other_descriptors_are_left_alone(watch: Watch, tail: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    watched = watch(*tail, "--", *PYTHON, f"import os; os.write({writer}, b'hello')", keep=[writer])
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"hello"
    assert watched.done() == (0, b"", b"")


@pytest.mark.parametrize("tail", TAILS)
def test_when_the_reader_leaves_the_command_is_told_as_ever(watch: Watch, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--", "yes")
    assert watched.out.readline() == b"y\n"
    watched.out.close()
    assert watched.wait() == 128 + signal.SIGPIPE
    assert watched.err.read() == b""


def test_a_full_disk_is_said_and_ends_the_pipe(watch: Watch) -> None:
    with Path("/dev/full").open("wb") as full:
        watched = watch("--tail", "3", "--", "yes", stdout=full)
    assert watched.wait() == 128 + signal.SIGPIPE
    assert watched.err.read() == b"tocsin: standard output: No space left on device\n"


class Waiting(StreamCopy):
    """A copy that reports when it has to wait for the reader."""

    blocked = threading.Event()

    def _wait_writable(self) -> None:
        self.blocked.set()
        super()._wait_writable()


@pytest.mark.parametrize("size", [60_000, 600_000])
def test_a_reader_that_does_not_wait_gets_it_all(size: int) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # as a process that shares the pipe may have done
    route = Route((writer,), terminal=False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    noise, copy = os.urandom(size), Waiting(route, Tail(), threading.Event().set)
    os.write(route.inner, noise)
    route.close_inner()
    thread = threading.Thread(target=copy.run)
    Waiting.blocked.clear()
    thread.start()
    assert Waiting.blocked.wait(60)
    with os.fdopen(reader, "rb", buffering=0) as file:
        got = b""
        while len(got) < size:
            got += file.read(size)
    thread.join(60)
    os.close(writer)
    assert (got, copy.moved, copy.done) == (noise, size, True)


def pending_copy(target: int, noise: bytes) -> StreamCopy:
    """A copy to a target, with all of the noise pending before it begins, so that its first act is a splice."""
    route = Route((target,), terminal=False)
    assert os.write(route.inner, noise) == len(noise)
    route.close_inner()
    return StreamCopy(route, Tail(), threading.Event().set)


def test_a_file_that_cannot_be_spliced_to_gets_it_all(tmp_path: Path) -> None:
    path, noise = tmp_path / "log", os.urandom(600_000)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # the kernel refuses to splice to it
    copy = pending_copy(target, noise)
    copy.run()
    os.close(target)
    assert (path.read_bytes(), copy.moved) == (noise, len(noise))


def test_a_splice_to_a_reader_that_has_left_ends_the_copy() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    copy = pending_copy(writer, os.urandom(600_000))
    copy.run()
    os.close(writer)
    assert (copy.moved, copy.done) == (0, True)


def test_what_is_left_behind_is_not_waited_for(watch: Watch) -> None:
    watched = watch("--tail", "3", "--", "sh", "-c", "sleep 1000 & echo $!")
    left = int(watched.out.readline())
    assert watched.wait() == 0
    os.kill(left, signal.SIGKILL)  # it was left alone
    assert watched.ended[0].tail == f"{left}\n".encode()


def test_after_a_time_out_a_reader_that_reads_nothing_is_not_waited_for(watch: Watch) -> None:
    reader, writer = os.pipe()
    watched = watch("--tail", "3", "--timeout", "0.3", "--", "yes", stdout=writer)
    os.close(writer)
    assert watched.wait() == 124
    os.close(reader)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_reader_ends_with_a_signal(watch: Watch, number: int) -> None:
    reader, writer = os.pipe()
    watched = watch(
        "--tail", "3", "--retries", "1", "--", *PYTHON, f"{FLOOD[:-1]}[:24]]; os.write(2, b'!'); os._exit(1)", stdout=writer
    )
    os.close(writer)
    assert watched.err.read(1) == b"!"
    while not watched.log.exists() or len(watched.told) < 2:
        os.sched_yield()
    with suppress(ProcessLookupError):  # until the command has ended
        while True:
            os.kill(watched.made.pid or 0, 0)
    watched.send(signal.SIGUSR1, number)
    assert watched.wait() == 128 + number
    os.close(reader)


def test_without_room_for_a_pipe_there_is_no_tail(watch: Watch) -> None:
    few = also(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)))
    status, out, err = watch("--tail", "3", "--", "echo", "hello", before=few).done()
    assert (status, out) == (0, b"hello\n")
    assert b"tocsin: --tail cannot capture the output: " in err


def test_a_pipe_of_ours_holds_much(watch: Watch) -> None:
    program = f"import fcntl; print(fcntl.fcntl(1, {fcntl.F_GETPIPE_SZ}))"
    assert int(watch("--tail", "3", "--", *PYTHON, program).done()[1]) >= 65_536
