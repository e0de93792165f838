"""The search for configuration files, and the problems of unreadable ones."""

import os
import stat
import sys
from pathlib import Path

import pytest

from tests.core.config.examples import layer, problem
from tests.shell.homes import Home
from tocsin.core.config.merging import Layer
from tocsin.core.config.parsing import LONGEST
from tocsin.shell.config.load import Place, places, read, refusal

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")


def said(place: Place) -> str:
    return str(problem(read(place)))


def test_the_nearest_file_upwards_is_the_projects(home: Home) -> None:
    inner = home.project / "a" / "b"
    inner.mkdir(parents=True)
    outer = home.file("")
    assert places({}, inner)[0] == Place(outer, project=True)
    nearer = inner.parent / "tocsin.toml"
    nearer.touch()
    assert places({}, inner) == (Place(nearer, project=True), Place(home.own / "tocsin.toml", project=False))


def test_without_one_there_is_only_the_users(home: Home) -> None:
    own = (Place(home.own / "tocsin.toml", project=False),)
    assert places({}, home.project) == places({}, None) == places({"TOCSIN_CONFIG": ""}, None) == own
    home.own_file("")
    assert places({}, home.own) == own


def test_the_variable_names_the_projects_file(home: Home) -> None:
    home.file("")
    assert places({"TOCSIN_CONFIG": "other.toml"}, home.project)[0] == Place(Path("other.toml"), project=True, named=True)


def test_a_file_that_is_not_there_sets_nothing_unless_it_was_named(home: Home) -> None:
    path = home.project / "none.toml"
    assert read(Place(path, project=True)) == (Layer(), ())
    why = f"{path}: it cannot be read: No such file or directory; correct TOCSIN_CONFIG"
    assert said(Place(path, project=True, named=True)) == why


def test_a_file_is_read_for_what_it_is(home: Home) -> None:
    path = home.own_file("gmail.port = 25")
    assert layer(read(Place(path, project=False))).settings["gmail.port"].origin == f"{path}:1"
    assert "a project's file may not set it" in said(Place(path, project=True))


def test_only_so_much_is_read(home: Home) -> None:
    assert "longer than 64 KiB" in said(Place(home.file("\n" * 2 * LONGEST), project=True))


@posix
def test_only_a_file_is_read(home: Home) -> None:
    pipe = home.project / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, home.project, Path(os.devnull)):
        assert said(Place(path, project=True)).startswith(f"{path}: it is not a file; ")


@posix
def test_a_file_that_cannot_be_opened(home: Home) -> None:
    path = home.project / "tocsin.toml"
    path.symlink_to(path)
    (place, _) = places({}, home.project)
    assert said(place) == f"{path}: it cannot be read: {os.strerror(40)}; make it readable, or remove it"


@posix
def test_a_folder_on_the_way_that_cannot_be_looked_into_holds_nothing(home: Home) -> None:
    loop = home.project / "loop"
    loop.symlink_to(loop)
    assert len(places({}, loop / "inside")) == 1


def owned(by: int, mode: int = 0o644) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, by, 0, 0, 0, 0, 0))


def test_whose_file_may_be_read() -> None:
    project, own = Place(Path("p"), project=True), Place(Path("o"), project=False)
    assert [refusal(project, owned(by), 7) for by in (0, 7)] == [None, None]
    assert str(refusal(project, owned(8), 7)) == "p: it belongs to another user; chown it to yourself, or name it in TOCSIN_CONFIG"
    assert refusal(own, owned(8), 7) is not None
    assert refusal(Place(Path("p"), project=True, named=True), owned(8), 7) is None
    assert refusal(own, owned(8), None) is None
    assert str(refusal(own, owned(7, 0o666), 7)) == "o: every user may write to it; chmod o-w o"
    assert str(refusal(project, owned(0, 0o646), 7)) == "p: every user may write to it; chmod o-w p"
    assert refusal(project, owned(7, 0o664), 7) is None
    assert refusal(Place(Path("p"), project=True, named=True), owned(7, 0o666), 7) is None
