"""``tocsin config show``: the values, their origins, and the problems."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.terminal_session import Typist
from tocsin.core.config.schema import TABLE


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and no setting in the environment."""
    for name in ("XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("TOCSIN_") and name != "TOCSIN_NOTIFY"]:
        monkeypatch.delenv(name)
    return tmp_path


def test_each_key_is_shown_with_its_origin(tocsin: Typist, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "tocsin.toml").write_text('\nonly = ["Failed"]\n[slack]\ndeadline = 2.5\n')
    monkeypatch.setenv("TOCSIN_SLACK_PROXIES", "https=http://me:a-canary@proxy:3128")
    seen = tocsin("config", "show")
    assert (seen.status, seen.err) == (0, "")
    rows = [line.split("  ") for line in seen.out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows[: len(TABLE)]}
    assert list(cells) == [key.name for key in TABLE]
    assert cells["only"] == ['["Failed"]', f"{home / 'tocsin.toml'}:2"]
    assert cells["slack.deadline"] == ["2.5", f"{home / 'tocsin.toml'}:4"]
    assert cells["slack.proxies"] == ['{ https = "http://...@proxy:3128" }', "environment variable TOCSIN_SLACK_PROXIES"]
    assert cells["slack.only"] == ["(as `only`)", "default"]
    assert seen.out.splitlines()[-2] == f"the project's file: {home / 'tocsin.toml'}"
    assert seen.out.endswith(" (there is none)\n")
    assert "canary" not in seen.out


def test_the_same_for_programs(tocsin: Typist, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "tocsin.toml").write_text('only = ["Failed"]\n')
    monkeypatch.setenv("TOCSIN_SLACK_PROXIES", "https=http://me:a-canary@proxy:3128")
    seen = tocsin("config", "show", "--json")
    assert (seen.status, seen.err) == (0, "")
    shown = json.loads(seen.out)
    assert list(shown["keys"]) == [key.name for key in TABLE]
    assert shown["keys"]["only"] == {"value": ["Failed"], "origin": f"{home / 'tocsin.toml'}:1"}
    assert shown["keys"]["gmail.port"] == {"value": 465, "origin": "default"}
    assert shown["keys"]["slack.proxies"]["value"] == {"https": "http://...@proxy:3128"}
    assert shown["files"][0] == {"path": str(home / "tocsin.toml"), "project": True, "exists": True}
    assert [file["exists"] for file in shown["files"]] == [True, False]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_wrong_is_said_in_a_line_each(
    tocsin: Typist, home: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    (home / "tocsin.toml").write_text('SLACK_WEBHOOK_URL = "a-canary"\n')
    monkeypatch.setenv("TOCSIN_ONLY", "Faild")
    seen = tocsin("config", "show", *options)
    assert (seen.status, seen.out) == (2, "")
    variable, file = seen.err.splitlines()
    assert variable == "tocsin: TOCSIN_ONLY: takes a list of names of states, and its item 1 is none; did you mean Failed?"
    assert file.startswith(f"tocsin: {home / 'tocsin.toml'}:1: this looks like a secret; put it into the environment variable")
    assert "canary" not in seen.err


def test_a_login_in_a_link_is_not_shown(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SLACK_TITLE_LINK", "https://me:a-canary@ci.example.com/runs")
    for options in ((), ("--json",)):
        seen = tocsin("config", "show", *options)
        assert (seen.status, "https://...@ci.example.com/runs" in seen.out, "canary" in seen.out) == (0, True, False)


def test_a_secret_in_a_variable_is_not_shown(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ENV", "https://hooks.slack.com/services/T0/B0/a-canary")
    seen = tocsin("config", "show")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith("tocsin: TOCSIN_ENV: this looks like a secret; ")
    assert "canary" not in seen.err


def test_config_alone_says_what_there_is(tocsin: Typist) -> None:
    assert "Show each setting, its value, and where it comes from." in tocsin("config", "--help").out
