"""The commands and options that the command line accepts."""

from importlib.metadata import version

import pytest

from tests.cli.terminal_session import GOOD, Typist


def test_the_version(tocsin: Typist) -> None:
    seen = tocsin("--version")
    assert (seen.status, seen.out) == (0, f"tocsin {version('tocsin')}\n")


def test_the_help_names_both_commands(tocsin: Typist) -> None:
    seen = tocsin("--help")
    assert seen.status == 0
    assert "Show the messages that a small flow would send.\n" in seen.out
    assert "Run the flow in a Python file.\n" in seen.out


@pytest.mark.parametrize("group", ["runs", "config", "outbox"])
def test_no_line_about_a_command_is_cut(tocsin: Typist, group: str) -> None:
    listed = tocsin(group, "--help").out.partition("Commands:\n")[2]
    assert listed
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("notify", ["live", "print", "none"])
def test_each_way_to_notify_is_passed_on(tocsin: Typist, notify: str) -> None:
    word = {"live": "withheld", "print": "shown", "none": "withheld"}[notify]  # the plugin for pytest withholds what is live
    assert f"notifications: 1 {word}\n" in tocsin.run(GOOD, f"--notify={notify}").out


def test_exec_is_listed_and_must_be_first(tocsin: Typist) -> None:
    assert "exec " in tocsin("--help").out
    assert "exec" in tocsin("exce").err
    seen = tocsin("exec", "--help", "--", "true")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == "tocsin: exec must be the first argument: write tocsin exec [options] -- COMMAND [ARGUMENT ...]\n"
