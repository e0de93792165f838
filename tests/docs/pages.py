"""The pages of the documentation, and the blocks of code in them."""

import re
from doctest import ELLIPSIS
from pathlib import Path

import attrs
from sybil import Document, Example
from sybil.parsers.myst import PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted([ROOT / "README.md", *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]))
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@attrs.define(eq=False)
class Page:
    """A page whose examples share one namespace: each may use the names of those before it."""

    path: Path
    examples: tuple[Example, ...]
    _done: int = 0

    @property
    def name(self) -> str:
        """The path from the root of the project."""
        return str(self.path.relative_to(ROOT))

    def evaluate(self, index: int) -> None:
        """Evaluate the example, after all those before it that have not been evaluated."""
        while self._done <= index:
            self.examples[self._done].evaluate()
            self._done += 1


def page(path: Path) -> Page:
    """Return the page at a path."""
    document = Document.parse(str(path), PythonCodeBlockParser(doctest_optionflags=ELLIPSIS))
    return Page(path, tuple(document.examples()))


@attrs.frozen
class Command:
    """A command of a page, and the output that the page shows for it; empty if it shows none."""

    page: str
    typed: str
    printed: str


def commands(path: Path) -> tuple[Command, ...]:
    """Return all commands in the console blocks of a page."""
    name = str(path.relative_to(ROOT))
    blocks = (block.group(1) for block in _CONSOLE.finditer(path.read_text(encoding="utf-8")))
    parts = (part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part)
    return tuple(Command(name, typed, printed) for typed, _, printed in (part.partition("\n") for part in parts))
