"""``--lock``: of two runs of a label, the second does not start, and nobody is told of it."""

import os
import signal
from pathlib import Path

import pytest

from tests.cli.exec.commands import HEARS, PYTHON, Watch

LABEL = ("--label", "nightly load")


@pytest.mark.parametrize("first", [("--lock",), ()], ids=["with a lock", "without"])
def test_a_second_run_does_not_start(watch: Watch, tmp_path: Path, first: tuple[str, ...]) -> None:
    one = watch(*LABEL, *first, "--", *PYTHON, HEARS)
    assert one.out.readline() == b"ready\n"
    for notify in ("live", "print", "none"):
        status, out, err = watch(*LABEL, "--lock", "--notify", notify, "--", "touch", "started").done()
        assert (status, out) == (75, b"")
        assert err.startswith(b"tocsin: 'nightly load' is running already, since ")
        assert err.endswith(b" (process %d): it is not started again\n" % one.process.pid)
    assert not (tmp_path / "started").exists()
    assert watch("--label", "another", "--lock", "--", "true").wait() == 0
    one.send(signal.SIGUSR2)
    assert one.wait() == 7
    last = watch(*LABEL, "--lock", "--", "true")
    assert last.done() == (0, b"", b"")
    assert [what for what, _ in last.told].count("made") == 3  # all runs have one log


def test_the_lock_of_a_killed_run_is_free(watch: Watch) -> None:
    one = watch(*LABEL, "--lock", "--", "sh", "-c", "echo $$; exec sleep 1000")
    command = int(one.out.readline())
    one.send(signal.SIGKILL)
    assert one.wait() == -signal.SIGKILL
    assert watch(*LABEL, "--lock", "--", "true").done() == (0, b"", b"")
    os.kill(command, signal.SIGKILL)  # it goes on alone


def test_where_nothing_can_be_locked_nothing_starts(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("this is no folder")
    status, out, err = watch("--label", "x", "--lock", "--", "echo", "started").done()
    assert (status, out) == (125, b"")
    assert err == b"tocsin: --lock cannot lock 'x', so it is not started: File exists; set TOCSIN_STATE_DIR to another folder\n"
