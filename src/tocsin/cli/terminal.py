"""Output to people: results on standard output, errors on standard error.

- Text from elsewhere is drawn as it is, never as markup, and without control characters.
- Known secrets are redacted in all that is printed, except in names.
"""

import json
import sys
import traceback
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
from rich.color import Color, ColorParseError
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

from tocsin.cli.stderr import show
from tocsin.cli.stdout import write
from tocsin.core.text import bounded, describe, frames, one_line, printable, traceback_of
from tocsin.core.validation import is_list, is_table
from tocsin.shell.redaction import redact

PIPE_WIDTH = 10_000
"""Columns of output that is not a terminal: wide enough that no row is folded."""

_NAMES = frozenset({"about", "key", "label", "name"})
"""The keys of JSON whose values are names."""

_HANGING = 2  # columns by which what is folded stands to the right of its paragraph
_PACKAGE = Path(__file__).parents[1]


def console(piped: int = PIPE_WIDTH, widest: int | None = None) -> Console:
    """Return a console as wide as the terminal, up to ``widest`` columns, or ``piped`` columns wide if there is no terminal."""
    made = Console(markup=False, emoji=False, highlight=False)
    made.width = min(made.width, widest or made.width) if made.is_terminal else piped
    return made


def say(console: Console, *drawn: RenderableType) -> None:
    """Print on standard output, one below the other, without white space at the ends of lines."""
    write("")  # detect a closed reader here: Rich would end the process
    with console.capture() as captured:
        for each in drawn:
            console.print(each)
    write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def complain(text: str) -> None:
    """Print an error as one line on standard error."""
    show(f"tocsin: {one_line(redact(text))}")


def report_error(error: BaseException) -> None:
    """Print the traceback of an error on standard error, from the first frame outside tocsin on, without local variables."""
    trace = traceback_of(error)
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE):
        trace = trace.tb_next
    try:
        text = bounded("".join(traceback.format_exception(type(error), error, trace)))
    except Exception:  # of the exception's own code
        text = f"{describe(error)}\n" + "".join(f"  {frame}\n" for frame in frames(error))
    note(text)


def note(text: str) -> None:
    """Write to standard error, without control characters."""
    show(printable(redact(text)).removesuffix("\n"))


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Turn an interrupt from the keyboard into one line and exit status 130, as shells have it."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(130)


def plain_text(text: str, style: Style | str = "") -> Text:
    """Return text from anywhere as drawable text, without markup."""
    return own_text(redact(text), style)


@attrs.frozen
class Paragraphs:
    """Lines of text, each a paragraph. What is folded goes on farther to the right, so that one sees where the next begins."""

    lines: Iterable[str]
    style: Style | str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the lines."""
        for line in self.lines:
            before = " " * (len(line) - len(line.lstrip(" ")) + _HANGING)
            text = plain_text(line, self.style)
            if text.cell_len <= options.max_width:
                yield text
                continue
            first, *others = text.wrap(console, max(options.max_width - len(before), len(before)))
            yield first
            for each in others:
                yield Text(before).append_text(each)


def own_text(text: str, style: Style | str = "") -> Text:
    """Return a name, or words of tocsin's own, as drawable text. They are never redacted."""
    return Text(printable(text), style=style)


def json_line(tree: Mapping[str, object]) -> str:
    """Return the object as JSON on one line, in ASCII, with known secrets redacted except in names."""
    return json.dumps({name: _redacted_tree(name, value) for name, value in tree.items()})


def _redacted_tree(name: str, tree: object) -> object:
    if isinstance(tree, str):
        return tree if name in _NAMES else redact(tree)
    if is_table(tree):
        return {key: _redacted_tree(key, value) for key, value in tree.items()}
    return [_redacted_tree(name, value) for value in tree] if is_list(tree) else tree


def color_style(color: str) -> Style:
    """Return the style of a state's colour, or none if a user-defined kind has an invalid colour."""
    try:
        return Style(color=Color.parse(color))
    except ColorParseError:
        return Style()
