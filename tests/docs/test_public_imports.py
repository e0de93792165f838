"""Tests that the pages and the examples import public names only."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin

ROOT = Path(__file__).parents[2]
DOORS = frozenset({"tocsin", "tocsin.integrations", "tocsin.testing", "tocsin.testing.strategies"}) | {
    f"tocsin.{name}" for name in tocsin.__all__ if type(getattr(tocsin, name)) is type(tocsin)
}
ENGINES = frozenset({f"tocsin.integrations.{name}" for name in ("airflow", "celery", "dagster", "prefect")})
"""Public modules that import engines, which need not be installed here."""

PROGRAMS = sorted([*(ROOT / "docs/examples").glob("*.py"), *(ROOT / "docs/recipes/files").rglob("*.py")])
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINE = re.compile(r"^[> .]*((?:from tocsin[\w.]* import|import tocsin)[^\n]*)", re.MULTILINE)


def imported(source: str) -> Iterator[tuple[str, str | None]]:
    """Yield each module of tocsin that a program imports, with the name taken from it, if any."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.split(".")[0] == "tocsin":
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name.split(".")[0] == "tocsin")


def public_names(module: str) -> list[str]:
    """Return the public names of a module; of one that imports an engine, as its source lists them."""
    if module not in ENGINES:
        names: list[str] = importlib.import_module(module).__all__
        return names
    source = (ROOT / "src" / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")
    assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    listed: list[str] = ast.literal_eval(assigned[0].value)
    return listed


def hidden(source: str) -> list[str]:
    """Return what a program imports from tocsin that is not public."""
    return [
        f"{module}: {name}"
        for module, name in imported(source)
        if module not in DOORS | ENGINES or (name not in {None, "*"} and name not in public_names(module))
    ]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.name))
def test_an_example_imports_public_names_only(program: Path) -> None:
    assert hidden(program.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_imports_public_names_only(page: Path) -> None:
    lines = [found[1].rstrip("`").split("#")[0] for found in LINE.finditer(page.read_text(encoding="utf-8"))]
    assert hidden("\n".join(line for line in lines if "(" not in line)) == []


def test_a_hidden_name_is_found() -> None:
    assert hidden("from tocsin.core.machine import Run\nfrom tocsin import Run, Missing\nimport tocsin.filters") == [
        "tocsin.core.machine: Run",
        "tocsin: Missing",
    ]
