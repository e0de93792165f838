"""Words to people: on standard output what they asked for, on standard error what went wrong.

- All that we did not write ourselves is drawn as it is, never as markup, and without control characters.
- What an encoding cannot express is escaped, and a reader that has left (``| head``) is no error: neither changes the exit status.
- Known secrets are redacted, whoever said them.
"""

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.color import Color, ColorParseError
from rich.console import Console, RenderableType
from rich.style import Style
from rich.text import Text

from tocsin.core.messages.text import one_line, printable
from tocsin.shell.adapters.redaction import redact

_OURS = Path(__file__).parents[1]


def console(width: int | None = None) -> Console:
    """What draws; ``width`` in columns, None for the terminal's."""
    return Console(width=width, markup=False, emoji=False, highlight=False)


def say(console: Console, *drawn: RenderableType) -> None:
    """Draw on standard output, one below the other, without white space at the ends of lines."""
    with console.capture() as captured:
        for each in drawn:
            console.print(each)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def write(text: str) -> None:
    """Write to standard output, escaping what its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    with still_read():
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()


def complain(text: str) -> None:
    """Say on standard error what went wrong, in one line, whatever is in the text."""
    sys.stderr.write(f"tocsin: {one_line(redact(text))}\n")


def lament(error: BaseException) -> None:
    """Show the traceback of an error on standard error, from the first frame that is not ours on, and never a local."""
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(_OURS):
        trace = trace.tb_next
    sys.stderr.write(printable(redact("".join(traceback.format_exception(type(error), error, trace)))))


@contextmanager
def still_read() -> Generator[None, None, None]:
    """Go on in silence where the reader of standard output has left."""
    try:
        yield
    except BrokenPipeError:  # what is still buffered goes nowhere, else Python complains of it when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Say in one line that we were interrupted from the keyboard, and end with the status that shells give it."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(130) from None


def literally(text: str, style: Style | str = "") -> Text:
    """Text from anywhere, drawn as it is."""
    return Text(printable(redact(text)), style=style)


def coloured(color: str) -> Style:
    """The style of a state's colour; none where a kind of the user's calls something else a colour."""
    try:
        return Style(color=Color.parse(color))
    except ColorParseError:
        return Style()
