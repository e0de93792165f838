"""What a run looks for in the folder of the history, and where there is none."""

import os
from pathlib import Path

import pytest

from tocsin import Failed, Flow, Recording, Running, Task, interpreting, slack_notifier, watch
from tocsin.shell.history.looked import look, looked
from tocsin.shell.history.paths import has_folder


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path of the folder, in a working folder that somebody deleted."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    monkeypatch.setenv("TOCSIN_STATE_DIR", "state")
    (tmp_path / "gone").rmdir()
    looked.forget()


@pytest.mark.usefixtures("gone")
def test_without_a_folder_there_is_nothing_to_heed() -> None:
    assert not look().anything
    assert not has_folder()


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("gone")
def test_without_a_folder_people_are_told_all_the_same() -> None:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("by hand"), Running(), Failed("disk full"))
        with pytest.raises(OSError, match="disk full"), watch("watched", state_handlers=[slack_notifier(only_states=[Failed])]):
            raise OSError("disk full")
        Flow("flow", state_handlers=[slack_notifier]).run()
    assert [effect.key.slug for effect in recording.effects] == ["by hand", "watched", "flow", "flow"]


def test_another_thread_that_asks_during_a_look_looks_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen is believed once all of it is known, and not before."""
    isdir, believed = os.path.isdir, list[bool]()

    def asked(path: str) -> bool:
        believed.append(looked.until > 0.0)
        return isdir(path)

    monkeypatch.setattr(os.path, "isdir", asked)
    looked.forget()
    look()
    assert believed == [False]
    assert looked.until > 0.0
