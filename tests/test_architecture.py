"""Tests of the layers of the source, including relative imports and imports by name at run time."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin

SOURCE = Path(tocsin.__file__).parent
LAYERS = ("core", "shell", "flows", "watching", "testing", "cli")
PURE = {
    "abc",
    "collections",
    "datetime",
    "difflib",
    "enum",
    "fnmatch",
    "hashlib",
    "html",
    "json",
    "math",
    "re",
    "tomllib",
    "typing",
    "urllib",
    "attrs",
    "returns",
    "tocsin",
}


def modules(layer: str) -> list[Path]:
    return sorted((SOURCE / layer).rglob("*.py"))


def imported(path: Path) -> list[str]:
    """Return the modules that a file imports."""
    return list(imports(path.read_text(encoding="utf-8"), ("tocsin", *path.relative_to(SOURCE).parts[:-1])))


def imports(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """Yield the modules that a source inside a package imports, in any way."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, level=level):
                base = package[: len(package) - level + 1] if level else ()
                yield ".".join((*base, *([module] if module else [])))
            case ast.Name(id="__import__") | ast.Name(id="import_module") | ast.Attribute(attr="import_module"):
                yield "importlib"
            case _:
                pass


@pytest.mark.parametrize("path", modules("core"), ids=lambda path: path.stem)
def test_the_core_imports_nothing_impure(path: Path) -> None:
    for name in imported(path):
        assert name.split(".")[0] in PURE, f"{path} imports {name}"
        assert not name.startswith("tocsin") or name.startswith("tocsin.core"), f"{path} imports {name}"


@pytest.mark.parametrize("path", modules("core"), ids=lambda path: path.stem)
def test_the_core_reads_no_clock(path: Path) -> None:
    called = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
    assert not called & {"utcnow", "today", "getenv", "environ", "open"}


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_imports_only_those_below(layer: str) -> None:
    above = {f"tocsin.{name}" for name in LAYERS[LAYERS.index(layer) + 1 :]}
    for path in modules(layer):
        for name in imported(path):
            assert not any(name == other or name.startswith(f"{other}.") for other in above), f"{path} imports {name}"


def test_this_test_sees_every_way_to_import() -> None:
    source = "import os\nfrom . import states\nfrom ..shell import log\nfrom json import loads\n__import__('socket')\n"
    assert list(imports(source, ("tocsin", "core"))) == ["os", "tocsin.core", "tocsin.shell", "json", "importlib"]
