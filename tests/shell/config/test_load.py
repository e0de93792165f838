"""The configuration of a process: the precedence of its sources, and the effect of bad ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.config.examples import layer
from tests.shell.homes import Home
from tocsin.core.config.merging import layer_from
from tocsin.core.config.schema import Configuration
from tocsin.core.states import Failed, Finished, Success
from tocsin.shell.config.load import configuration, here, load


def good(found: object) -> Configuration:
    assert isinstance(found, Configuration), found
    return found


def test_the_places_in_their_order(home: Home) -> None:
    own, file = home.own_file('only = ["Success"]\ngmail.port = 25\n'), home.file('only = ["Failed"]\n')
    config = good(load({}, home.project))
    assert (config.only, config.origins["only"]) == (frozenset({Failed}), f"{file}:1")
    assert (config.gmail.port, config.origins["gmail.port"]) == (25, f"{own}:2")
    config = good(load({"TOCSIN_ONLY": "Success", "TOCSIN_ENV": "test"}, home.project))
    assert (config.only, config.environment) == (frozenset({Success}), "test")
    options = layer(layer_from({"only": []}, "option --only"))
    config = good(load({"TOCSIN_ONLY": "Success"}, home.project, options))
    assert (config.only, config.origins["only"]) == (frozenset(), "option --only")
    file.unlink()
    assert good(load({}, home.project)).only == {Success}
    own.unlink()
    assert good(load({}, None)).only == {Finished}


def test_each_bad_place_is_a_fault(home: Home) -> None:
    home.own_file("x")
    home.file("y")
    found = load({"TOCSIN_ONLY": "z", "TOCSIN_IGNORE": "Skipped"}, home.project)
    assert isinstance(found, tuple)
    assert [str(fault).partition(": ")[0] for fault in found] == [
        "TOCSIN_ONLY",
        f"{home.project / 'tocsin.toml'}:1",
        f"{home.own / 'tocsin.toml'}:1",
    ]


def test_a_bad_place_is_complained_of_once_and_left_out(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.own_file("gmail.port = 25")
    path = home.file('SLACK_WEBHOOK_URL = "a-canary-in-a-file"')
    assert configuration().gmail.port == 25
    assert configuration() is configuration()
    (record,) = caplog.records
    assert record.getMessage().startswith(f"tocsin: {path}:1: this looks like a secret; ")
    assert record.getMessage().endswith(" (this file, variable or setting is left out)")
    assert "canary" not in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="the current folder cannot be removed there")
def test_without_a_current_folder(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert here() is None
    assert configuration().only == {Finished}
    monkeypatch.chdir(home.project)


def test_tocsin_is_imported_without_it() -> None:
    program = (
        "import sys, tocsin; tocsin.slack_notifier; print([name for name in sys.modules if 'tocsin' in name and 'config' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"
