"""Who is notified, and when; and that notifications never delay or change the command."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.exec.commands import HEARS, PYTHON, Watch
from tocsin.cli.exec.supervisor_loop import end_time
from tocsin.shell.history.run_locks import killed_runs, open_runs

FLAKY = "read n < count; echo $((n - 1)) > count; exit $n"


@pytest.fixture
def tries(tmp_path: Path) -> Path:
    """A file with the number of times that ``FLAKY`` will fail."""
    path = tmp_path / "count"
    path.write_text("2\n")
    return path


def test_a_run_is_told_from_start_to_end(watch: Watch) -> None:
    watched = watch("--label", "nightly load", "--", "sh", "-c", "echo $$")
    status, out, err = watched.done()
    assert (status, err) == (0, b"")
    assert [what for what, _ in watched.told] == ["made", "started", "ended", "close"]
    assert (watched.made.label, watched.made.pid) == ("nightly load", int(out))
    assert len(bytes.fromhex(watched.made.run_id)) == 8
    assert watched.made.started <= watched.ended[0].started <= watched.ended[0].ended


@pytest.mark.parametrize(("typed", "label"), [("./my job", "my job"), ("./a\nb\u202ec", "a b\ufffdc"), ("./dash-", "dash-")])
def test_a_label_is_the_programs_name_in_one_line(watch: Watch, tmp_path: Path, typed: str, label: str) -> None:
    program = tmp_path / typed
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    watched = watch("--", typed)
    assert watched.done() == (0, b"", b"")
    assert watched.made.label == label


def test_it_ended_when_it_ended_and_not_when_we_looked(watch: Watch) -> None:
    watched = watch("--", "true", told="late")
    status, _, err = watched.done()
    (ended,) = watched.ended
    assert (status, ended.started <= ended.ended <= float(err)) == (0, True)


def test_an_end_that_was_not_noted_is_now() -> None:
    assert end_time((9.0, 5.0), 4.0) == (9.0, 5.0)
    assert end_time((9.0, 3.0), 4.0) == pytest.approx((time.time(), time.monotonic()), abs=60)


# --- attempts -----------------------------------------------------------------------------------------------------------------


def test_attempts_follow_until_one_goes_well(watch: Watch, tries: Path) -> None:
    watched = watch("--retries", "5", "--retry-delay", "0.01", "--tail", "1", "--", "sh", "-c", FLAKY)
    assert watched.done() == (0, b"", b"")
    assert [ended.status for ended in watched.ended] == [2, 1, 0]
    assert [what for what, _ in watched.told] == ["made", *["started", "ended"] * 3, "close"]


def test_attempts_follow_at_once_without_a_delay(watch: Watch, tries: Path) -> None:
    watched = watch("--retries", "1", "--retry-delay", "0", "--", "sh", "-c", FLAKY)
    assert watched.done() == (1, b"", b"")
    assert [ended.status for ended in watched.ended] == [2, 1]


def test_a_command_that_was_told_to_end_is_not_tried_again(watch: Watch) -> None:
    watched = watch("--retries", "5", "--", *PYTHON, HEARS)
    assert watched.out.readline() == b"ready\n"
    watched.send(signal.SIGTERM)
    assert watched.out.readline() == b"SIGTERM\n"
    watched.send(signal.SIGUSR2)
    assert watched.wait() == 7
    assert len(watched.ended) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_attempts_is_the_end(watch: Watch, number: signal.Signals) -> None:
    watched = watch("--retries", "5", "--retry-delay", "1d", "--", "false", told="says")
    while b"ended" not in watched.err.readline():
        pass
    watched.send(signal.SIGUSR1, number)
    assert watched.done() == (128 + number, b"", b"tocsin: no further attempt: %s was received\ntold: close\n" % number.name.encode())
    assert len(watched.ended) == 1


def test_a_signal_before_the_answer_is_the_end(watch: Watch) -> None:
    watched = watch("--retries", "5", "--", "false", told="sticks")
    assert watched.err.readline() == b"told: ended\n"
    watched.send(signal.SIGTERM)
    assert watched.err.readline() == b"tocsin: no further attempt: SIGTERM was received\n"
    watched.send(signal.SIGTERM)
    assert watched.wait() == 143


# --- still running --------------------------------------------------------------------------------------------------------------


def test_a_command_that_still_runs_is_told_of_with_its_last_lines(watch: Watch) -> None:
    watched = watch("--still-running", "0.3", "--tail", "5", "--", "sh", "-c", "echo at step 7; sleep 1.5; echo over")
    assert watched.done() == (0, b"at step 7\nover\n", b"")
    reminders = [value for what, value in watched.told if what == "still running"]
    assert reminders[0] == (0.3, b"at step 7\n")
    assert reminders == [(0.3 * 2**at, b"at step 7\n") for at in range(3) if (0.3 * 2**at, b"at step 7\n") in reminders]
    assert [what for what, _ in watched.told] == ["made", "started", *["still running"] * len(reminders), "ended", "close"]


def test_between_two_attempts_nothing_still_runs(watch: Watch, tries: Path) -> None:
    watched = watch("--still-running", "0.1", "--retries", "1", "--retry-delay", "1", "--", "false")
    assert watched.wait() == 1
    told = [what for what, _ in watched.told]
    between = told[told.index("ended") + 1 : len(told) - 1 - told[::-1].index("ended")]
    assert between[0] == "started"


def test_a_notifier_that_raises_is_asked_again(watch: Watch) -> None:
    watched = watch("--still-running", "0.1", "--", "sleep", "0.5", told="raises")
    status, _, err = watched.done()
    assert status == 0
    assert err.startswith(b"tocsin: could not send notifications: LookupError: made\n")


# --- errors of tocsin itself --------------------------------------------------------------------------------------------------


def test_whatever_is_raised_is_one_line_each(watch: Watch) -> None:
    status, out, err = watch("--", "sh", "-c", "exit 3", told="missing").done()
    assert (status, out, err) == (3, b"", b"tocsin: could not send notifications: ImportError: no notifier today\n")


def test_a_notifier_that_cannot_be_made_is_one_line(watch: Watch) -> None:
    watched = watch("--retries", "2", "--", "sh", "-c", "exit 3", told="raises")
    status, out, err = watched.done()
    assert (status, out) == (3, b"")
    assert err == b"tocsin: could not send notifications: LookupError: made\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_notifications(watch: Watch, number: int) -> None:
    watched = watch("--", "sh", "-c", "exit 3", told="sticks")
    assert watched.err.readline() == b"told: ended\n"
    watched.send(signal.SIGUSR1, number)
    assert watched.done() == (3, b"", b"tocsin: interrupted while sending notifications: some may not have been sent\n")


@pytest.mark.parametrize("tail", [(), ("--tail", "3")])
def test_without_what_we_stand_on_a_command_runs_all_the_same(watch: Watch, tail: tuple[str, ...]) -> None:
    watched = watch(*tail, "--", *PYTHON, HEARS, told="bare")
    assert watched.out.readline() == b"ready\n"
    assert watched.err.readline().startswith(b"tocsin: no notification was sent: ")
    watched.send(signal.SIGTERM)
    assert watched.out.readline() == b"SIGTERM\n"
    watched.send(signal.SIGUSR2)
    assert watched.done() == (7, b"SIGUSR2\n", b"")


def test_what_cannot_be_known_of_our_secrets_is_said(watch: Watch) -> None:
    status, _, err = watch("--scrub-env", "--", "true", told="bare").done()
    assert status == 0
    assert err.startswith(b"tocsin: --scrub-env hides only the default secrets: ModuleNotFoundError: ")


@pytest.mark.tocsin_live
def test_the_default_notifier_works_too(watch: Watch) -> None:
    status, out, _ = watch("--notify", "none", "--", "echo", "hello", told="usual").done()
    assert (status, out) == (0, b"hello\n")


@pytest.mark.parametrize(("program", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_nor_is_its_status_another(watch: Watch, program: str, status: int) -> None:
    assert watch("--", "sh", "-c", program, told="bare").done()[:2] == (status, b"")


def test_nor_its_fault(watch: Watch) -> None:
    assert watch("--", "no-such-program", told="bare").done()[:2] == (127, b"")


def test_without_a_history_a_command_runs_all_the_same(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("this is no folder")
    status, out, err = watch("--", "sh", "-c", "exit 3").done()
    assert (status, out) == (3, b"")
    assert err.startswith(b"tocsin: this run is not in the ")
    assert err.count(b"\n") == 1


# --- the history --------------------------------------------------------------------------------------------------------------


def test_without_the_code_of_the_history_too(watch: Watch) -> None:
    status, out, err = watch("--", "sh", "-c", "exit 3", told="forgetful").done()
    assert (status, out) == (3, b"")
    assert err.startswith(b"tocsin: this run is not in the history: ModuleNotFoundError: ")


def test_a_run_is_open_until_it_ends(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    watched = watch("--label", "nightly load", "--", *PYTHON, HEARS)
    assert watched.out.readline() == b"ready\n"
    (run,) = open_runs("nightly load")
    assert run.pid == watched.process.pid
    watched.send(signal.SIGUSR2)
    assert watched.wait() == 7
    assert (open_runs(), killed_runs()) == ((), ())
    assert run.run_id == watched.made.run_id


def test_a_run_that_was_killed_is_left_over(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    watched = watch("--label", "nightly load", "--", "sh", "-c", "echo $$; exec sleep 1000")
    command = int(watched.out.readline())
    watched.send(signal.SIGKILL)
    assert watched.wait() == -signal.SIGKILL
    (run,) = killed_runs("nightly load")
    assert run.pid == watched.process.pid
    os.kill(command, signal.SIGKILL)  # it goes on alone
