"""``--quiet``: the output of a command that succeeds is dropped, and that of one that fails is written whole, where it belongs."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.exec.commands import PYTHON, Watch
from tests.cli.exec.terminals import Terminal
from tests.cli.terminal_session import PATIENCE
from tocsin.cli.exec.held_output import HeldOutput
from tocsin.cli.exec.output_tee import StreamCopy, Tail
from tocsin.cli.exec.routes import Route, enlarge_pipe
from tocsin.cli.exec.signal_pipe import SignalPipe

BOTH = "echo out; echo err >&2; exit {}"
FLAKY = "echo attempt; read n < count; echo $((n - 1)) > count; exit $n"


def test_the_output_of_a_success_is_dropped(watch: Watch) -> None:
    assert watch("--quiet", "--", "sh", "-c", BOTH.format(0)).done() == (0, b"", b"")


def test_the_output_of_a_failure_is_written_where_it_belongs(watch: Watch) -> None:
    assert watch("--quiet", "--", "sh", "-c", BOTH.format(3)).done() == (3, b"out\n", b"err\n")
    assert watch("--quiet", "--", "sh", "-c", BOTH.format(3), told="bare").done()[:2] == (3, b"out\n")


def test_streams_that_are_one_keep_their_order(watch: Watch) -> None:
    words = ("--quiet", "--", "sh", "-c", "for n in 1 2 3; do echo out $n; echo err $n >&2; done; kill -9 $$")
    status, out, _ = watch(*words, stderr=subprocess.STDOUT).done()
    assert (status, out) == (137, b"".join(b"out %d\nerr %d\n" % (n, n) for n in (1, 2, 3)))


def test_much_output_is_written_whole_and_the_tail_is_known(watch: Watch) -> None:
    watched = watch("--quiet", "--tail", "1", "--", "sh", "-c", "seq 300000; exit 1")
    status, out, err = watched.done()
    assert (status, err) == (1, b"")
    assert out == b"".join(b"%d\n" % number for number in range(1, 300001))
    assert watched.ended[0].tail.endswith(b"\n299999\n300000\n")


@pytest.mark.parametrize(("failures", "status", "written"), [(1, 0, b""), (2, 1, b"attempt\n" * 2)])
def test_all_attempts_are_one_run(watch: Watch, tmp_path: Path, failures: int, status: int, written: bytes) -> None:
    (tmp_path / "count").write_text(f"{failures}\n")
    watched = watch("--quiet", "--retries", "1", "--retry-delay", "0", "--", "sh", "-c", FLAKY)
    assert watched.done() == (status, written, b"")


def test_a_status_that_is_expected_is_no_failure(watch: Watch) -> None:
    words = ("--quiet", "--expect", "0,3", "--", "sh", "-c", "echo copied; exit $0")
    assert watch(*words, "3").done() == (3, b"", b"")
    assert watch(*words, "4").done() == (4, b"copied\n", b"")
    late = watch("--quiet", "--expect", "0,124", "--timeout", "0.3", "--", "sh", "-c", "echo begun; exec sleep 1000")
    assert late.done() == (124, b"begun\n", b"")


def test_a_time_out_is_a_failure(watch: Watch) -> None:
    watched = watch("--quiet", "--timeout", "0.3", "--", "sh", "-c", "echo begun; exec sleep 1000")
    assert watched.done() == (124, b"begun\n", b"")


def test_a_terminal_shows_nothing_before_the_end(watch: Watch) -> None:
    with closing(Terminal(watch, "--quiet", "--", *PYTHON, "import os; print(os.isatty(1)); raise SystemExit(1)")) as terminal:
        assert terminal.shows("False\r\n") == ""
        assert terminal.watched.wait() == 1


def test_a_reader_that_does_not_read_can_be_left(watch: Watch) -> None:
    watched = watch("--quiet", "--", "sh", "-c", "seq 3000000; exit 5", told="says")
    assert watched.out.read(2) == b"1\n"
    watched.send(signal.SIGTERM)
    assert watched.err.readline() == b"told: made\n"
    assert watched.wait() == 5


def test_what_the_command_leaves_behind_is_not_mixed_in() -> None:
    ours, stream = os.pipe()
    held, route = HeldOutput(), Route((stream,), terminal=False)
    held.hold(route)
    thread = threading.Thread(target=StreamCopy(route, Tail(), lambda: None).run)
    thread.start()
    os.write(route.inner, b"now")
    until = time.monotonic() + PATIENCE
    while os.fstat(route.target).st_size < 3:
        assert time.monotonic() < until
        time.sleep(0.01)
    with SignalPipe() as signals:
        held.release(signals)
    os.write(route.inner, b"late")
    route.close_inner()
    thread.join(PATIENCE)
    assert os.read(ours, 100) == b"now"
    for end in (ours, stream):
        os.close(end)


@pytest.mark.parametrize("size", [10, 500_000])
def test_what_cannot_be_held_back_any_longer_is_written_at_once(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    ours, stream = os.pipe()
    enlarge_pipe(stream)
    held, first, second = HeldOutput(), Route((stream,), terminal=False), Route((stream,), terminal=False)
    held.hold(first)
    os.write(first.target, b"before ")
    full = first.target = os.open("/dev/full", os.O_WRONLY)
    os.write(first.inner, b"x" * size)
    first.close_inner()
    StreamCopy(first, Tail(), lambda: None).run()
    assert os.read(ours, 600_000) == b"before " + b"x" * size
    said = (
        f"tocsin: --quiet cannot hold the output back: No space left on device: make room in {tempfile.gettempdir()}, or set TMPDIR\n"
    )
    assert capsys.readouterr().err == said
    held.hold(second)
    assert second.target == stream
    with SignalPipe() as signals:
        held.release(signals)  # nothing is left
    for end in (ours, stream, full, second.inner, second.outer):
        os.close(end)


HELD = """
import os, sys, tempfile
from tocsin.cli.exec.held_output import HeldOutput
from tocsin.cli.exec.routes import Route
tempfile.tempdir = sys.argv[1]
held, route = HeldOutput(), Route((1,), terminal=False)
for _ in range(2):
    held.hold(route)
print(route.target, route.overflow)
"""


def test_without_a_place_for_it_nothing_is_held_back(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HELD, str(tmp_path / "no")], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "1 None\n"
    assert (
        done.stderr
        == f"tocsin: --quiet cannot hold the output back: No such file or directory: make room in {tmp_path / 'no'}, or set TMPDIR\n"
    )
