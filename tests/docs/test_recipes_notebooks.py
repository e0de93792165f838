"""The page about notebooks: the cells of its notebook are run in order, in a running event loop, as Jupyter runs them."""

import json
import re
import sys

import pytest

from tests.docs.pages import page
from tests.docs.recipes import FILES, PAGES, Machine, at, file

pytestmark = pytest.mark.tocsin_live

_KERNEL = """\
import ast, asyncio, inspect, json, sys

async def main():
    names = {"__name__": "__main__"}
    for number, cell in enumerate(json.load(sys.stdin)["cells"]):
        if cell["cell_type"] == "code":
            cell = compile("".join(cell["source"]), f"cell {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if inspect.isawaitable(made := eval(cell, names)):
                await made

asyncio.run(main())
"""


def _cells() -> list[str]:
    cells = at(json.loads(file("training.ipynb")), "cells")
    assert isinstance(cells, list)
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_cells_do_what_the_page_says(machine: Machine) -> None:
    seen = machine.run([sys.executable, "-c", _KERNEL], {"SLACK_WEBHOOK_URL": machine.server.url}, file("training.ipynb"))
    assert seen.out.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:\n")
    assert "ArithmeticError: no loss at a rate of 2" in seen.err
    done, failed = machine.messages
    assert re.fullmatch(r"training succeeded after .*", done)
    assert re.fullmatch(r"overnight training failed after .*: ArithmeticError: no loss at a rate of 2", failed)


def test_what_the_page_shows_is_in_the_notebook() -> None:
    shown = [example.parsed for example in page(PAGES / "notebooks.md").examples]
    assert len(shown) > 2
    assert [text for text in map(str, shown) if not any(text.strip() in cell for cell in _cells())] == []


def test_the_notebook_holds_no_output() -> None:
    whole = json.loads((FILES / "training.ipynb").read_text(encoding="utf-8"))
    assert [cell for cell in whole["cells"] if cell.get("outputs")] == []
