"""The core is pure: it imports nothing that acts, in any way to import, and reads no clock. ``lint-imports`` checks the layers."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tocsin

SOURCE = Path(tocsin.__file__).parent
MODULES = sorted((SOURCE / "core").rglob("*.py"))
PURE = {
    "abc",
    "base64",
    "collections",
    "datetime",
    "difflib",
    "enum",
    "fnmatch",
    "functools",
    "hashlib",
    "html",
    "itertools",
    "json",
    "linecache",  # source lines, as the interpreter itself reads them for a traceback
    "math",
    "operator",
    "re",
    "shlex",
    "tomllib",
    "types",
    "typing",
    "unicodedata",
    "typing_extensions",
    "urllib.parse",
    "attrs",
    "returns",
}


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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_core_imports_nothing_impure(path: Path) -> None:
    for name in imported(path):
        assert name in PURE or name.split(".")[0] in PURE or name.startswith("tocsin.core"), f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_core_reads_no_clock(path: Path) -> None:
    called = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
    assert not called & {"utcnow", "today", "getenv", "environ", "open"}


def test_this_test_sees_every_way_to_import() -> None:
    source = "import os\nfrom . import states\nfrom ..shell import log\nfrom json import loads\n__import__('socket')\n"
    assert list(imports(source, ("tocsin", "core"))) == ["os", "tocsin.core", "tocsin.shell", "json", "importlib"]
