"""The text of a drawing for a terminal that may be standard output or standard error."""

from typing import TextIO

from rich.console import Console

from tocsin.cli.render import WIDTH, drawing, line
from tocsin.core.effects import Effect


def drawn(effect: Effect, file: TextIO, *, whole: bool) -> str:
    """Return the drawing of an effect for the terminal ``file``, without white space at the ends of lines; else one line of it."""
    console = Console(file=file, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        if whole:
            console.width = min(console.width, WIDTH)
            console.print(drawing(effect))
        else:
            console.print(line(effect), no_wrap=True, overflow="ellipsis", crop=True)
    return "\n".join(text.rstrip() for text in captured.get().removesuffix("\n").split("\n"))
