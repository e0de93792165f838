"""The folder of the history."""

import os
import pwd
import sys
from pathlib import Path
from typing import NoReturn

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from tocsin.shell.history.paths import state_folder, state_of

HOME = pwd.getpwuid(os.getuid()).pw_dir


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOCSIN_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")


@pytest.mark.parametrize("home", [None, "", "/var/state", "/var/a b/"])
def test_it_is_where_platformdirs_says(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if home is not None:
        monkeypatch.setenv("XDG_STATE_HOME", home)
    assert Path(state_folder()) == Path(platformdirs.user_state_dir("tocsin", appauthor=False))


def test_a_relative_path_is_no_state_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert state_folder() == f"/home/ada/{state_of(sys.platform)}/tocsin"


@pytest.mark.parametrize("home", [None, "", "ada"])
def test_without_a_home_in_the_environment_the_user_database_knows(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert state_folder() == f"{HOME.rstrip('/')}/{state_of(sys.platform)}/tocsin"


def test_a_user_without_a_home_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> NoReturn:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(OSError, match="this user has no home folder"):
        state_folder()


@pytest.mark.parametrize(("platform", "dirs"), [("linux", Unix), ("freebsd14", Unix), ("darwin", MacOS)])
def test_each_platform_has_its_place(platform: str, dirs: type[platformdirs.PlatformDirs]) -> None:
    assert f"/home/ada/{state_of(platform)}/tocsin" == dirs("tocsin", appauthor=False).user_state_dir


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    for value, folder in (("/srv/tocsin", "/srv/tocsin"), ("mine", str(tmp_path / "mine")), ("", "/var/state/tocsin")):
        monkeypatch.setenv("TOCSIN_STATE_DIR", value)
        assert state_folder() == folder
