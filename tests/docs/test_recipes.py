"""The recipes as a whole: every file is on a page, and the commands of the README do what it says."""

import re
import shlex

import pytest

from tests.docs.pages import ROOT
from tests.docs.recipes import FILES, PAGES, Machine, commands

_ON_PAGES = re.compile(r"^```\{literalinclude\} (?:\.\./recipes/)?files/(\S+)$", re.MULTILINE)


def test_every_file_is_on_one_page() -> None:
    included = [name for path in sorted(PAGES.parent.glob("*/*.md")) for name in _ON_PAGES.findall(path.read_text(encoding="utf-8"))]
    shown = {path.name for path in FILES.iterdir()} - {"training.ipynb"}
    assert sorted(included) == sorted(shown)


@pytest.mark.tocsin_live
def test_the_readme_tells_of_a_script_in_three_lines(machine: Machine) -> None:
    install, export, run = commands(ROOT / "README.md")
    assert install == "pip install ."
    name, _, value = export.removeprefix("export ").partition("=")
    assert value.startswith("https://hooks.slack.com/services/")
    machine.script(machine.home / "load.sh", "exit 3")
    words = shlex.split(run, comments=True)
    assert words[0] == "tocsin"
    words[0] = str(machine.home / ".tocsin/bin/tocsin")
    seen = machine.run(words, {"PATH": "/usr/bin:/bin", name: machine.server.url})
    assert (seen.status, seen.err) == (3, "")
    (said,) = machine.messages
    assert re.fullmatch(r"load.sh failed after .*: exit status 3", said)
