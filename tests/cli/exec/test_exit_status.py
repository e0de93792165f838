"""The exit status is the command's, whatever it is."""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.exec.commands import PYTHON, Watch
from tocsin.cli import main as tocsin
from tocsin.cli.exec.command import main
from tocsin.cli.exec.notifier_protocol import OpenRun
from tocsin.cli.exec.options import Options
from tocsin.cli.exec.spawn import start_failure
from tocsin.core.supervisor import Ended


class Silent:
    """A notifier that only records the exit statuses."""

    def __init__(self, options: Options, run: OpenRun) -> None:
        self.statuses: list[int] = []

    def started(self) -> None:
        """Do nothing."""

    def ended(self, ended: Ended) -> None:
        """Record the exit status."""
        self.statuses.append(ended.status)

    def still_running(self, seconds: float, tail: bytes) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Check that there was one attempt."""
        assert len(self.statuses) == 1


@pytest.fixture(autouse=True)
def _state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))


def test_each_exit_status_is_handed_on() -> None:
    assert [main(["--", "sh", "-c", f"exit {status}"], Silent) for status in range(256)] == [*range(256)]


def test_after_a_command_everything_is_as_it_was() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    assert main(["--", "true"], Silent) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == handlers
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("status", [0, 1, 2, 77, 255])
def test_a_process_has_it_too(watch: Watch, status: int) -> None:
    watched = watch("--", "sh", "-c", f"exit {status}")
    assert watched.done() == (status, b"", b"")
    assert [what for what, _ in watched.told] == ["made", "started", "ended", "close"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("tail", [(), ("--tail", "3")])
def test_a_signal_that_kills_it_is_added_to_128(watch: Watch, number: signal.Signals, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--", "sh", "-c", f"kill -{number.value} $$; echo alive")
    assert watched.done() == (128 + number, b"", b"")
    (ended,) = watched.ended
    assert (ended.signal, ended.stopped_by, ended.timed_out, ended.killed) == (number, None, False, False)


def test_what_is_not_there_is_127(watch: Watch) -> None:
    watched = watch("--tail", "3", "--", "no-such-program", "--secret")
    assert watched.done() == (127, b"", b"tocsin: no-such-program: there is no such program\n")
    (ended,) = watched.ended
    assert (ended.status, ended.fault) == (127, "no-such-program: there is no such program")
    assert watched.made.pid is None


def test_words_that_are_written_as_one_are_noticed(watch: Watch) -> None:
    said = b"tocsin: ./load.sh --all: there is no such program; the words of a command are written apart\n"
    assert watch("--", "./load.sh --all").done() == (127, b"", said)


def test_an_interpreter_that_is_not_there_is_said_to_be_missing(watch: Watch, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    assert watch("--", str(script)).done() == (
        127,
        b"",
        f"tocsin: {script}: the interpreter that it names is missing\n".encode(),
    )


@pytest.mark.parametrize("name", [".", "./plain", "./plain/below"])
def test_what_cannot_be_executed_is_126(watch: Watch, tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").write_text("echo hello\n")
    status, out, err = watch("--", name).done()
    assert (status, out) == (126, b"")
    assert err.startswith(f"tocsin: {name} cannot be executed: ".encode())


def test_too_many_words_cannot_be_executed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--", "true", "x" * (1 << 23)], Silent) == 126
    assert capsys.readouterr().err == "tocsin: true cannot be executed: Argument list too long\n"


def test_a_machine_without_room_is_no_fault_of_the_command() -> None:
    found = start_failure("load", OSError(errno.EAGAIN, "no more processes"))
    assert (found.status, found.fault) == (125, f"load could not be started: {os.strerror(errno.EAGAIN)}")


@pytest.mark.parametrize("name", ["script", "./script"])
def test_a_script_without_an_interpreter_is_for_sh(watch: Watch, tmp_path: Path, name: str) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0: $1"; exit 5\n')
    script.chmod(0o755)
    path = str(script) if name == "script" else name
    assert watch("--", name, "one two", environment={"PATH": f"{tmp_path}:/usr/bin:/bin"}).done() == (
        5,
        f"{path}: one two\n".encode(),
        b"",
    )


def test_what_is_misused_is_125(watch: Watch) -> None:
    assert watch("--tial", "3", "--", "true").done() == (
        125,
        b"",
        b"tocsin: there is no option --tial: did you mean --tail? (tocsin exec --help shows all options)\n",
    )


def test_help_is_no_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tail", "3", "--help"]) == 0
    assert "Example: tocsin exec " in capsys.readouterr().out


def test_windows_is_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["--", "true"]) == 125
    assert capsys.readouterr() == ("", "tocsin: exec runs only on POSIX systems, not on Windows\n")


def test_the_command_line_knows_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tocsin", "exec", "--tial", "true"])
    with pytest.raises(SystemExit) as left:
        tocsin()
    assert left.value.code == 125
    assert capsys.readouterr().err.startswith("tocsin: there is no option --tial: did you mean --tail?")


def test_the_words_of_a_command_are_its_own(watch: Watch) -> None:
    words = ["--tail", "--", "-h", "a b", "", "$HOME", "\udcff"]
    status, out, err = watch("--", *PYTHON, "import os, sys; print(list(map(os.fsencode, sys.argv[1:])))", *words).done()
    assert (status, out, err) == (0, b"[b'--tail', b'--', b'-h', b'a b', b'', b'$HOME', b'\\xff']\n", b"")
