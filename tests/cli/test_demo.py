"""``tocsin demo``: the messages that a small flow would send."""

import re
import sys
from pathlib import Path

import pytest

from tests.cli.terminal_session import Typist
from tocsin import Recording, interpreting


def test_each_message_is_drawn(tocsin: Typist) -> None:
    seen = tocsin("demo")
    assert (seen.status, seen.err) == (0, "")
    lines = seen.out.splitlines()
    assert lines[0] == "A flow of two tasks runs: an addition, then a division by zero. It would send:"
    assert [line for line in lines if "is now in a" in line] == [
        "▌ add is now in a Success state",
        "▌ divide is now in a Failed state",
        "▌ divide is now in a Failed state",
        "▌ demo is now in a Failed state",
    ]
    assert re.search(r"▌ Subject: divide failed after .+: ZeroDivisionError: division by zero\n", seen.out)
    assert lines[-1] == "Nothing was sent. Next: set SLACK_WEBHOOK_URL, and run a flow of yours: tocsin run FILE"
    assert max(map(len, lines)) <= 88


def test_nothing_is_sent_whatever_is_in_force(tocsin: Typist) -> None:
    with interpreting(Recording()) as outer:
        assert tocsin("demo").status == 0
    assert outer.effects == ()


def test_it_is_drawn_into_a_file(tocsin: Typist) -> None:
    seen = tocsin("demo", "--svg", "demo.svg")
    assert (seen.status, seen.out) == (0, "The drawing is in demo.svg\n")
    svg = (tocsin.folder / "demo.svg").read_text(encoding="utf-8")
    assert svg.count("webhook") == 3


def test_a_file_that_cannot_be_written(tocsin: Typist) -> None:
    seen = tocsin("demo", "--svg", str(Path("no", "such", "folder.svg")))
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == "tocsin: no/such/folder.svg: No such file or directory\n"


def test_an_engine_that_is_not_installed(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.integrations.installed.find_spec", lambda _: None)
    for name in ("tocsin.cli.demo_prefect", "tocsin.integrations.prefect"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    seen = tocsin("demo", "--engine", "prefect")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == ("tocsin: tocsin.integrations.prefect needs prefect, which is not installed: pip install 'prefect>=3'\n")


def test_an_engine_that_has_no_demo(tocsin: Typist) -> None:
    seen = tocsin("demo", "--engine", "loom")
    assert seen.status == 2
    assert "prefect" in seen.err
