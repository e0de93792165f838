"""Run locks: open runs hold them, killed runs are found by them, and one process claims each."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE
from typing import NoReturn

import pytest

from tocsin.shell.history import run_locks
from tocsin.shell.history.run_locks import LabelLocked, keep_end, killed_runs, left_ends, lock_label, open_end, open_run, open_runs

LIGHT = {
    "errno",
    "fcntl",
    "tocsin",
    "tocsin.shell",
    "tocsin.shell.history",
    "tocsin.shell.history.paths",
    "tocsin.shell.history.run_locks",
}
HOLDS = """
import sys
from tocsin.shell.history.run_locks import open_run
lock = open_run(*sys.argv[1:3], 1.5)
print(lock, flush=True)
sys.stdin.read()
"""
CLAIMS = """
import os
from tocsin.shell.history.run_locks import killed_runs
print(killed_runs()[0].claim())
os.kill(os.getpid(), 9)
"""


def killed(run_id: str, label: str = "nightly load") -> None:
    """Start a run in a process, and kill the process."""
    command = [sys.executable, "-c", HOLDS, run_id, label]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert run_id in process.stdout.readline()
        assert [run.pid for run in open_runs(label)] == [process.pid]
        assert run_id not in {run.run_id for run in killed_runs(label)}
        process.send_signal(signal.SIGKILL)


def test_a_run_is_open_until_it_is_closed(state: Path) -> None:
    lock = open_run("r-1", "nightly load", 1.5)
    assert lock is not None
    (run,) = open_runs()
    assert (run.run_id, run.label, run.started, run.pid) == ("r-1", "nightly load", 1.5, os.getpid())
    assert repr(run) == f"KilledRun(run_id='r-1', label='nightly load', started=1.5, pid={os.getpid()})"
    assert repr(lock) == f"RunLock({str(state / 'open' / 'r-1')!r})"
    assert killed_runs() == ()
    lock.close()
    lock.close()
    assert open_runs() == killed_runs() == ()
    assert list((state / "open").iterdir()) == []


@pytest.mark.usefixtures("state")
def test_a_killed_run_is_claimed_once() -> None:
    killed("r-1")
    assert open_runs() == ()
    (run,) = killed_runs()
    assert (run.run_id, run.label, run.started) == ("r-1", "nightly load", 1.5)
    lock = run.claim()
    assert lock is not None
    assert (run.claim(), killed_runs()) == (None, ())
    assert Path(run.path).exists()
    lock.close()
    assert (run.claim(), killed_runs(), Path(run.path).exists()) == (None, (), False)


@pytest.mark.usefixtures("state")
def test_a_claimed_run_is_there_for_the_next_start_if_its_claimant_is_killed() -> None:
    killed("r-1")
    program = (
        "import os; from tocsin.shell.history.run_locks import killed_runs; print(killed_runs()[0].claim()); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-u", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout[:8]) == (-signal.SIGKILL, "RunLock(")
    assert [run.run_id for run in killed_runs()] == ["r-1"]


@pytest.mark.usefixtures("state")
def test_no_claim_waits_for_another_and_nobody_takes_the_run_for_open(monkeypatch: pytest.MonkeyPatch) -> None:
    killed("r-1")
    (run,) = killed_runs()
    (again,) = killed_runs()
    lock = run.claim()
    assert lock is not None
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", _full)
        assert again.claim() is None
    keep_end("r-1", '{"end": 1}')
    assert open_runs() == ()
    lock.close()


@pytest.mark.usefixtures("state")
def test_the_end_of_a_run_is_in_its_file() -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    keep_end("r-1", '{"end": 1}')
    keep_end("r-1", '{"end": 2}')
    assert open_runs() == ()
    os.close(int(str(lock._file)))  # as if this process were gone
    (run,) = killed_runs()
    assert run.end == '{"end": 2}'
    Path(run.path).write_text('tocsin 1\nload\n1.0\n1\n{"end": 3}\n')  # another process writes it between the look and the claim
    assert run.claim() is not None
    assert run.end == '{"end": 3}'


def test_an_end_without_a_run_has_a_file_of_its_own(state: Path) -> None:
    lock = open_end("e-1", "lo\nad", 1.0, '{"end": 1}')
    assert lock is not None
    assert (open_runs(), killed_runs(), left_ends()) == ((), (), ())
    os.close(int(str(lock._file)))  # as if this process were gone
    (left,) = left_ends()
    assert (left.label, left.end, left.started) == ("lo ad", '{"end": 1}', 1.0)
    assert (open_runs(), killed_runs()) == ((), ())
    claimed = left.claim()
    assert claimed is not None
    claimed.close()
    assert (left_ends(), list((state / "open").iterdir())) == ((), [])


@pytest.mark.usefixtures("state")
def test_an_end_that_cannot_be_written_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    keep_end("r-1", '{"end": 1}')  # the run has no file
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _full)
        for _ in range(2):
            keep_end("r-1", '{"end": 1}')  # said once
        assert open_end("e-1", "load", 1.0, '{"end": 1}') is None
    first, second = capsys.readouterr().err.splitlines()
    remedy = "make room on the disk, or set TOCSIN_STATE_DIR to another folder"
    assert first == f"tocsin: the end of this run is not in its file: No space left on device; {remedy}"
    assert second.startswith("tocsin: if this process is killed now, nobody tells of its run: cannot create its lock")
    lock.close()


@pytest.mark.usefixtures("state")
def test_a_run_that_ends_during_a_look_was_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    flock = fcntl.flock

    def meanwhile(file: int, how: int) -> None:
        lock.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    assert killed_runs() == ()


@pytest.mark.usefixtures("state")
def test_of_many_claims_one_succeeds() -> None:
    killed("r-1")
    killed("r-2")
    found = [killed_runs() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda runs: [run.claim() for run in runs], found))
    assert [sum(claim is not None for claim in claimed) for claimed in zip(*claims, strict=True)] == [1, 1]


@pytest.mark.usefixtures("state")
def test_the_slower_claim_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    killed("r-1")
    (run,) = killed_runs()
    (slower,) = killed_runs()
    flock = fcntl.flock

    def meanwhile(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        lock = run.claim()
        assert lock is not None
        lock.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    assert slower.claim() is None


@pytest.mark.usefixtures("state")
def test_a_claim_that_meets_an_error_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    killed("r-1")
    (run,) = killed_runs()
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", _full)
        assert run.claim() is None
    assert [each.run_id for each in killed_runs()] == ["r-1"]


@pytest.mark.usefixtures("state")
def test_a_claim_does_not_wait_forever_for_readers() -> None:
    killed("r-1")
    (run,) = killed_runs()
    with Path(run.path).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert run.claim() is None


@pytest.mark.usefixtures("state")
def test_a_reader_does_not_prevent_a_claim() -> None:
    killed("r-1")
    (run,) = killed_runs()
    with Path(run.path).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert [each.run_id for each in killed_runs()] == ["r-1"]
        with ThreadPoolExecutor(1) as pool:
            claim = pool.submit(run.claim)
            time.sleep(0.05)  # for the claim to begin; if it has not, it succeeds all the same
            fcntl.flock(file, fcntl.LOCK_UN)
            assert claim.result() is not None


@pytest.mark.usefixtures("state")
def test_an_open_run_cannot_be_claimed() -> None:
    lock = open_run("r-1", "load", time.time())
    assert lock is not None
    (run,) = open_runs()
    assert not run.claim()
    lock.close()


@pytest.mark.usefixtures("state")
def test_runs_are_found_by_label_oldest_first() -> None:
    locks = [
        open_run(run_id, label, at)
        for run_id, label, at in (("b", "load", 2.0), ("a", "load", 2.0), ("c", "load", 1.0), ("d", "x", 0.0))
    ]
    assert [run.run_id for run in open_runs("load")] == ["c", "a", "b"]
    assert [run.run_id for run in open_runs()] == ["d", "c", "a", "b"]
    for lock in locks:
        assert lock is not None
        lock.close()


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("label", ["a\nb", "\x1b[31mred", "\ud800", "\u202eevil", "", "x" * 9999])
def test_a_label_is_one_line_whatever_it_is(label: str) -> None:
    lock = open_run("r-1", label, 1.0)
    assert lock is not None
    (run,) = open_runs(label)
    assert run.label.isprintable()
    assert len(run.label) <= 500
    lock.close()


def test_others_see_nothing_of_it(state: Path) -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    assert [S_IMODE(path.stat().st_mode) for path in (state, state / "open", state / "open" / "r-1")] == [0o700, 0o700, 0o600]
    lock.close()


@pytest.mark.usefixtures("state")
def test_a_child_does_not_hold_the_lock_of_its_parent() -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"ready\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"ready\n"
        os.close(int(str(lock._file)))  # as if this process were gone
        assert [run.run_id for run in killed_runs()] == ["r-1"]


@pytest.mark.usefixtures("state")
def test_a_forked_child_leaves_the_lock_to_its_parent() -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    lock.forget()  # as in the child
    lock.forget()
    lock.close()
    assert [run.run_id for run in killed_runs()] == ["r-1"]


# --- files that are no run locks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"tocsin 1",
        b"tocsin 2\nload\n1.0\n1\n",
        b"tocsin 1\nload\nsoon\n1\n",
        b"tocsin 1\nload\nnan\n1\n",
        b"tocsin 1\nload\n1e300\n1\n",
        b"tocsin 1\nload\n1.0\n1\nlimit -5\n",
        b"\xff",
    ],
)
def test_other_files_are_left_alone(state: Path, content: bytes) -> None:
    (state / "open").mkdir(parents=True)
    (state / "open" / "r-1").write_bytes(content)
    (state / "open" / "folder").mkdir()
    (state / "open" / "link").symlink_to("/etc/passwd")
    os.mkfifo(state / "open" / "pipe")
    assert killed_runs() == open_runs() == ()
    assert len(list((state / "open").iterdir())) == 4


def test_an_empty_file_is_removed_after_an_hour(state: Path) -> None:
    (state / "open").mkdir(parents=True)
    for name, age in (("young", 3500), ("old", 3700)):
        (state / "open" / name).touch()
        os.utime(state / "open" / name, (0, time.time() - age))
    assert killed_runs() == ()
    assert [path.name for path in (state / "open").iterdir()] == ["young"]


# --- errors -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run_id", ["", "../r1", "a/b", "é", "."])
def test_an_invalid_run_id(state: Path, run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert open_run(run_id, "load", 1.0) is None
    assert capsys.readouterr().err.startswith(
        f"tocsin: this run is not in the history: cannot create its lock in {state}: {run_id!r} is no id of a run; "
    )


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file\n").touch()
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "file\n" / "state"))
    assert open_run("r-1", "load", 1.0) is None
    said = capsys.readouterr().err
    remedy = "Not a directory; set TOCSIN_STATE_DIR to a folder that you may write to"
    assert said == f"tocsin: this run is not in the history: cannot create its lock in {tmp_path}/file /state: {remedy}\n"
    assert killed_runs() == open_runs() == ()


def test_a_run_that_is_open_already(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    assert open_run("r-1", "load", 1.0) is None
    assert f"in {state / 'open' / 'r-1'}: File exists; " in capsys.readouterr().err
    assert len(open_runs()) == 1
    lock.close()


def _full(*_: object) -> NoReturn:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_no_file(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _full)
        assert open_run("r-1", "load", 1.0) is None
    assert "No space left on device; make room on the disk, or set TOCSIN_STATE_DIR" in capsys.readouterr().err
    assert list((state / "open").iterdir()) == []


def test_a_lock_that_is_never_released(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def busy(*_: object) -> NoReturn:
        raise BlockingIOError

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", busy)
        assert open_run("r-1", "load", 1.0) is None
    assert "its lock is held by another process; " in capsys.readouterr().err
    assert list((state / "open").iterdir()) == []


@pytest.mark.usefixtures("state")
def test_a_file_that_cannot_be_removed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lock = open_run("r-2", "load", 1.0)
    assert lock is not None
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", _full)
        lock.close()
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"tocsin: cannot remove {lock.path}: No space left on device; remove it, else the run counts as killed"


def test_a_file_that_was_removed_already(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = open_run("r-1", "load", 1.0)
    assert lock is not None
    (state / "open" / "r-1").unlink()
    lock.close()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("stream", [None, open(os.devnull)])  # noqa: SIM115, PTH123 - a file that is not writable
def test_an_unusable_standard_error(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert open_run("", "load", 1.0) is None


@pytest.mark.usefixtures("state")
def test_where_there_are_no_locks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    killed("r-1")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert open_run("r-2", "load", 1.0) is None
    assert killed_runs() == open_runs() == ()
    assert capsys.readouterr().err == ""


def test_the_module_imports_very_little(state: Path) -> None:
    program = (
        "import os, sys; before = {*sys.modules}; from tocsin.shell.history.run_locks import open_run;"
        "open_run('r-1', 'load', 1.0).close(); print(*{*sys.modules} - before)"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", program], env=_bare(state), check=True, capture_output=True, text=True, timeout=60
    )
    assert {*said.stdout.split()} - {"pwd"} == LIGHT


def _bare(state: Path) -> dict[str, str]:
    import tocsin

    return {"TOCSIN_STATE_DIR": str(state), "PYTHONPATH": str(Path(str(tocsin.__file__)).parents[1])}


# --- the lock of a label ----------------------------------------------------------------------------------------------------------

LOCKS = """
import sys
from tocsin.shell.history.run_locks import LabelLocked, lock_label
try:
    lock = lock_label(sys.argv[1])
except LabelLocked:
    print("held", flush=True)
else:
    print("locked", flush=True)
sys.stdin.read()
"""


def locking(label: str) -> "subprocess.Popen[str]":
    """Start a process that locks a label, and holds the lock until its standard input ends."""
    return subprocess.Popen([sys.executable, "-c", LOCKS, label], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_label_is_locked_until_it_is_closed(state: Path) -> None:
    lock = lock_label("nightly load")
    for same in ("nightly load", " nightly\tload"):
        with pytest.raises(LabelLocked):
            lock_label(same)
    lock_label("another").close()
    lock.close()
    lock_label("nightly load").close()
    assert list((state / "labels").iterdir()) == []


@pytest.mark.usefixtures("state")
def test_of_many_processes_one_has_the_lock_of_a_label() -> None:
    processes = [locking("nightly load") for _ in range(6)]
    said = [process.stdout.readline() for process in processes if process.stdout is not None]
    for process in processes:
        process.communicate(timeout=60)
    assert sorted(said) == [*["held\n"] * 5, "locked\n"]


@pytest.mark.usefixtures("state")
def test_the_lock_of_a_killed_process_is_gone() -> None:
    with locking("nightly load") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        process.send_signal(signal.SIGKILL)
    lock_label("nightly load").close()


@pytest.mark.usefixtures("state")
def test_a_label_with_an_open_run_is_locked() -> None:
    run = open_run("r-1", "nightly load", 1_000_000.0)
    with pytest.raises(LabelLocked, match=rf", since 1970-01-1\d \d\d:46:40 \(process {os.getpid()}\)"):
        lock_label("nightly load")
    assert run is not None
    run.close()
    lock_label("nightly load").close()


def test_a_file_that_its_holder_has_just_removed_is_no_lock(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lock_label("nightly load")
    opened, open_file = list[str](), os.open

    def late(path: str, *flags: int) -> int:
        file = open_file(path, *flags)
        if not opened:
            first.close()  # between the opening of its file and the look at its lock
        opened.append(path)
        return file

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", late)
        second = lock_label("nightly load")
    assert len(opened) == 2
    assert list((state / "labels").iterdir()) == [Path(second.path)]
    second.close()


def test_a_label_that_cannot_be_locked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.write_text("this is no folder")
    with pytest.raises(OSError, match="File exists"):
        lock_label("nightly load")
    monkeypatch.setattr(run_locks, "_can_lock", lambda: False)
    with pytest.raises(OSError, match="this system has no locks of files"):
        lock_label("nightly load")
