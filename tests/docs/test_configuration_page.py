"""Tests that the lines that the page on configuration shows for mistakes are those that tocsin prints."""

import re
from pathlib import Path

import pytest

from tocsin.core.config.parsing import parse

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([^`]+)`(?: under `(\[\w+\])`)? \| `(tocsin\.toml:[^`]+)` \|$", re.MULTILINE)


@pytest.mark.parametrize(("line", "table", "shown"), ROW.findall(PAGE))
def test_a_mistake_has_the_line_that_the_page_shows(line: str, table: str, shown: str) -> None:
    _, (problem,) = parse(f"{table}\n{line}" if table else line, "tocsin.toml", project=True)
    printed = str(problem)
    assert printed.startswith(shown.removesuffix("..."))


def test_there_are_three() -> None:
    assert len(ROW.findall(PAGE)) == 3
