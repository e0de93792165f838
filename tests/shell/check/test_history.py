"""The folder of the history, as ``tocsin check`` looks at it: each fault is one line with a remedy, and nothing is created."""

import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.shell.outbox.test_bad_stores import unprivileged
from tocsin.core.diagnosis import Finding
from tocsin.core.filters.policies import on_change
from tocsin.core.notifiers import SlackNotifier
from tocsin.shell.check.folders import obstacle
from tocsin.shell.check.history import check_history
from tocsin.shell.history.silences import silence
from tocsin.shell.history.store import HistoryStore

ELSEWHERE = "set TOCSIN_STATE_DIR to another folder"
NOTIFIER = SlackNotifier()


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the history, in one that others may read. It is not there yet."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        monkeypatch.setenv("TOCSIN_STATE_DIR", str(path / "state"))
        yield path / "state"
        path.chmod(0o755)


def fill(state: Path) -> None:
    """Write all that is kept in the folder, readable for all."""
    now = 1_700_000_000.0
    HistoryStore(state).advance("load", failed=False)
    silence("load", now, now + 60.0)
    for name in ("open", "expected"):
        (state / name).mkdir()
    for each in (state, *state.iterdir()):
        each.chmod(0o755 if each.is_dir() else 0o644)


def found() -> tuple[str, str | None] | None:
    """Return what is found, and its remedy; None if all is in order."""
    findings = check_history([NOTIFIER])
    assert len(findings) <= 1
    assert all(finding.about == "history" for finding in findings)
    return next(((finding.what, finding.remedy) for finding in findings), None)


def test_all_is_in_order_before_the_first_run_and_after_it(state: Path) -> None:
    assert found() is None
    assert not state.exists()
    fill(state)
    before = sorted(state.rglob("*"))
    assert found() is None
    assert sorted(state.rglob("*")) == before


def test_a_file_in_place_of_the_folder(state: Path) -> None:
    state.write_text("a file")
    assert found() == (f"no run can be remembered in {state}", f"make {state} a folder in which you may write, or {ELSEWHERE}")


def test_a_folder_that_is_not_writable(state: Path) -> None:
    state.parent.chmod(0o555)
    with unprivileged():
        remedy = f"make {state.parent} a folder in which you may write, or {ELSEWHERE}"
        assert found() == (f"no run can be remembered in {state}", remedy)


@pytest.mark.parametrize("name", ["open", "expected"])
def test_a_folder_in_it_that_is_not_writable(state: Path, name: str) -> None:
    state.mkdir()
    state.chmod(0o777)
    (state / name).mkdir()
    (state / name).chmod(0o755)
    with unprivileged():
        remedy = f"make {state / name} a folder in which you may write, or {ELSEWHERE}"
        assert found() == (f"no run can be remembered in {state / name}", remedy)


@pytest.mark.parametrize("name", ["journal.sqlite3", "silences.sqlite3"])
def test_a_file_that_is_not_writable(state: Path, name: str) -> None:
    fill(state)
    for each in (state, *state.iterdir()):
        each.chmod(0o777 if each.is_dir() else 0o666)
    (state / name).chmod(0o444)
    with unprivileged():
        assert found() == (f"{state / name} cannot be written", f"make it writable, or {ELSEWHERE}")


@pytest.mark.parametrize("name", ["journal.sqlite3", "silences.sqlite3"])
def test_a_file_that_cannot_be_read(state: Path, name: str) -> None:
    fill(state)
    (state / name).write_text("dear diary, " * 100)
    remedy = f"move it away, so that tocsin begins a new one, or {ELSEWHERE}"
    assert found() == (f"the history file {state / name} is damaged: file is not a database", remedy)
    assert (state / name).read_text().startswith("dear diary")


def test_a_user_without_a_home_needs_none_unless_a_notifier_depends_on_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> NoReturn:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    what = "no run is remembered: this user has no home folder, and TOCSIN_STATE_DIR is not set"
    assert check_history([NOTIFIER]) == (Finding("history", what),)
    assert check_history([NOTIFIER, SlackNotifier(when=on_change())]) == (Finding("history", what, "set TOCSIN_STATE_DIR to a folder"),)


def test_a_relative_folder_in_a_working_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setenv("TOCSIN_STATE_DIR", "state")
    (tmp_path / "gone").rmdir()
    what = "TOCSIN_STATE_DIR is no absolute path, and the working folder is gone"
    assert check_history([NOTIFIER]) == (Finding("history", what, "set TOCSIN_STATE_DIR to an absolute path"),)


def test_a_link_into_a_folder_that_may_not_be_entered(state: Path, tmp_path: Path) -> None:
    (tmp_path / "closed" / "state").mkdir(parents=True)
    state.symlink_to(tmp_path / "closed" / "state")
    (tmp_path / "closed").chmod(0o700)
    with unprivileged():
        (finding,) = check_history([NOTIFIER])
    assert finding == Finding(
        "history", f"no run can be remembered in {state}", f"make {state} a folder in which you may write, or {ELSEWHERE}"
    )


def test_a_folder_below_one_that_may_not_be_entered(state: Path) -> None:
    state.mkdir(0o700)
    with unprivileged():
        assert obstacle(state / "new" / "folder") == state
