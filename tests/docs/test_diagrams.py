"""The diagrams and tables of the docs are those that the code generates, and every edge is in the picture."""

import re
from html import unescape
from pathlib import Path

import pytest
from docs.diagrams import modules
from docs.diagrams.draw import HERE, drawn
from docs.diagrams.style import ink
from docs.diagrams.transitions import AGAIN, APART, COLUMN, GROUPS, NOTED

from tocsin.core.outbox.state_machine import TABLE as LIFE
from tocsin.core.states import KINDS, State
from tocsin.core.transitions import GIVEN, REFUSED, TABLE

_LINES = re.compile(r"([\d,]+) lines")
_EDGES = [
    pytest.param(kind, event, after, id=f"{kind.__name__}-{event.__name__}")
    for kind, row in TABLE.items()
    for event, after in row.items()
    if event not in NOTED and after is not REFUSED
]


def _edges(svg: str) -> dict[str, set[str]]:
    """Return the labels of each edge of a picture, by the title of the edge."""
    groups = re.findall(r'<g id="edge\d+" class="edge">\s*<title>(.*?)</title>(.*?)</g>', svg, re.DOTALL)
    return {unescape(title): {word.strip() for word in re.findall(r">([^<>]+)</text>", inner)} for title, inner in groups}


@pytest.fixture(scope="module")
def edges() -> dict[str, set[str]]:
    return _edges((HERE / "states.svg").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", drawn(), ids=lambda path: str(path.name))
def test_what_is_drawn_is_what_the_code_gives(path: Path) -> None:
    kept, given = (_LINES.sub("lines", text) for text in (path.read_text(encoding="utf-8"), drawn()[path]))
    assert kept == given, "run: python -m docs.diagrams.draw"


def test_the_picture_of_the_modules_says_about_how_many_lines_there_are() -> None:
    kept, given = (
        [int(number.replace(",", "")) for number in _LINES.findall(text)]
        for text in ((HERE / "modules.dot").read_text(encoding="utf-8"), drawn()[HERE / "modules.dot"])
    )
    assert sum(kept) == pytest.approx(sum(given), rel=0.1), "run: python -m docs.diagrams.draw"


def test_the_picture_of_the_modules_has_each_import_and_no_other() -> None:
    found = modules.modules()
    titles = set(_edges((HERE / "modules.svg").read_text(encoding="utf-8")))
    within = set(modules.inside(found))
    assert {tuple(title.split("->")) for title in titles} >= {(start, end) for start, end in within if (end, start) not in within}
    assert all((end, start) in within for start, end in within if f"{start}->{end}" not in titles)
    assert len(titles) == len({frozenset(pair) for pair in within}) + len(modules.between(found))


def test_a_layer_that_follows_from_two_arrows_has_none_of_its_own(tmp_path: Path) -> None:
    for name, text in {
        "core/a.py": "",
        "shell/b.py": "from tocsin.core import a\n",
        "flows/c.py": "from ..shell.b import thing\nimport tocsin.core.a\n",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert modules.between(modules.modules(tmp_path)) == (("flows", "shell"), ("shell", "core"))
    assert modules.figures(tmp_path) == modules.Figures(modules=3, lines=3, median_lines=1, one_importer=1)


@pytest.mark.parametrize(("kind", "event", "after"), _EDGES)
def test_each_row_is_an_edge_of_the_picture(
    kind: type[State], event: type[object], after: type[State], edges: dict[str, set[str]]
) -> None:
    ends = {"given", "wrapped"} if after is GIVEN else {after.__name__, f"{after.__name__}{AGAIN}"}
    titles = {f"{start}->{end}" for start in (kind.__name__, f"{kind.__name__}:e") for end in ends}
    assert any(event.__name__ in edges.get(title, ()) for title in titles)


def test_the_picture_has_no_edge_but_those(edges: dict[str, set[str]]) -> None:
    assert sum(len(labels) for labels in edges.values()) == len(_EDGES)


def test_each_status_that_a_row_may_have_after_an_event_is_an_edge_of_the_picture_and_there_is_no_other() -> None:
    drawn_edges = _edges((HERE / "outbox.svg").read_text(encoding="utf-8"))
    ends: dict[str, set[str]] = {}
    for before, events in LIFE.items():
        for event, afters in events.items():
            for after in afters:
                ends.setdefault(f"{before}->{after}", set()).add(event.__name__)
    assert {title.replace(":w", ""): labels for title, labels in drawn_edges.items()} == ends


def test_each_kind_is_in_the_class_diagram_under_its_parent() -> None:
    titles = _edges((HERE / "classes.svg").read_text(encoding="utf-8"))
    assert set(titles) == {f"{kind.__mro__[1].__name__}->{kind.__name__}" for kind in KINDS if kind is not State}


def test_the_layout_names_kinds_that_there_are() -> None:
    named = {*COLUMN, *GROUPS, *APART, *(child for children in GROUPS.values() for child in children)} - {"given"}
    assert named <= {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize(("color", "readable"), [("#ffea7f", "#000000"), ("#003ccb", "#ffffff")])
def test_a_kind_is_written_in_the_ink_that_can_be_read(color: str, readable: str) -> None:
    assert ink(color) == readable
