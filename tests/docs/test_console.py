"""The commands in the console blocks of the pages print what the pages show."""

import shlex
from contextlib import redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from io import StringIO

import pytest
from typer.testing import CliRunner

from tests.docs.pages import PAGES, Command, commands
from tocsin.cli import send
from tocsin.cli.app import app

_COMMANDS = [command for path in PAGES for command in commands(path)]
_OURS = [command for command in _COMMANDS if command.typed.startswith("tocsin ")]
_KNOWN = ("tocsin ", "python3 -m venv .venv && .venv/bin/pip install -q ", "TOCSIN_NOTIFY=print python ")


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("rehearsal")
@pytest.mark.parametrize("command", _OURS, ids=lambda command: f"{command.page}: {command.typed}")
def test_a_command_prints_what_its_page_says(command: Command) -> None:
    words = shlex.split(command.typed)[1:]
    if words[0] == "send":  # which starts before the rest of tocsin is loaded
        with redirect_stdout(StringIO()) as out:
            assert send.main(words[1:]) == 0
        printed = out.getvalue()
    else:
        printed = CliRunner().invoke(app, words).output
    assert OutputChecker().check_output(command.printed, printed, ELLIPSIS), printed


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: f"{command.page}: {command.typed}")
def test_no_page_asks_for_a_command_that_nobody_looked_at(command: Command) -> None:
    assert command.typed.startswith(_KNOWN)


def test_the_readme_needs_two_commands_and_no_more() -> None:
    typed = [command.typed for command in _COMMANDS if command.page == "README.md"]
    assert typed == [
        "python3 -m venv .venv && .venv/bin/pip install -q '.[cli]' && .venv/bin/tocsin demo",
        "python3 -m venv .venv && .venv/bin/pip install -q tox tox-uv && .venv/bin/tox",
    ]
