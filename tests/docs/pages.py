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
    """A page whose examples share one namespace, so that each stands on those before it."""

    path: Path
    examples: tuple[Example, ...]
    _done: int = 0

    @property
    def name(self) -> str:
        """The path from the root of the project."""
        return str(self.path.relative_to(ROOT))

    def evaluate(self, index: int) -> None:
        """Evaluate the example, and before it all that were not yet."""
        while self._done <= index:
            self.examples[self._done].evaluate()
            self._done += 1


def page(path: Path) -> Page:
    """The page at a path."""
    document = Document.parse(str(path), PythonCodeBlockParser(doctest_optionflags=ELLIPSIS))
    return Page(path, tuple(document.examples()))


@attrs.frozen
class Command:
    """A line that the page has its reader type, and what it says is printed; an empty text where it does not say."""

    page: str
    typed: str
    printed: str


def commands(path: Path) -> tuple[Command, ...]:
    """All commands in the console blocks of a page."""
    name = str(path.relative_to(ROOT))
    blocks = (block.group(1) for block in _CONSOLE.finditer(path.read_text(encoding="utf-8")))
    asked = (asked for block in blocks for asked in re.split(r"^\$ ", block, flags=re.MULTILINE) if asked)
    return tuple(Command(name, typed, printed) for typed, _, printed in (part.partition("\n") for part in asked))
