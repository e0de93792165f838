"""Words to people: on standard output what they asked for, on standard error what went wrong.

- All that we did not write ourselves is drawn as it is, never as markup, and without control characters.
- What an encoding cannot express is escaped, and a reader that leaves (``| head``) is no error: neither changes the exit status.
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


def console(piped: int, widest: int | None = None) -> Console:
    """What draws: as wide as the terminal, but ``widest`` columns at most; where there is none, ``piped`` columns wide."""
    made = Console(markup=False, emoji=False, highlight=False)
    made.width = min(made.width, widest or made.width) if made.is_terminal else piped
    return made


def say(console: Console, *drawn: RenderableType) -> None:
    """Draw on standard output, one below the other, without white space at the ends of lines."""
    write("")  # Rich ends the process if it is the first to notice that the reader has left
    with console.capture() as captured:
        for each in drawn:
            console.print(each)
    write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def write(text: str) -> None:
    """Write to standard output, where there is one, escaping what its encoding lacks."""
    if sys.stdout is None:  # as a service may have it
        return
    encoding = sys.stdout.encoding or "utf-8"
    with stderr_is_closed():
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()


def complain(text: str) -> None:
    """Say on standard error what went wrong, in one line, whatever is in the text."""
    sys.stderr.write(f"tocsin: {one_line(redact(text))}\n")


def report_error(error: BaseException) -> None:
    """Show the traceback of an error on standard error, from the first frame that is not ours on, and never a local."""
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(_OURS):
        trace = trace.tb_next
    note("".join(traceback.format_exception(type(error), error, trace)))


def note(text: str) -> None:
    """Write to standard error, without control characters."""
    sys.stderr.write(printable(redact(text)))


@contextmanager
def stderr_is_closed() -> Generator[None, None, None]:
    """Go on where standard output takes no more: in silence where its reader has left, and where a disk is full with a complaint."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"standard output: {error.strerror}")
        nowhere = os.open(os.devnull, os.O_WRONLY)  # for what is still buffered, else Python complains of it when it ends
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Say in one line that we were interrupted from the keyboard, and end with the status that shells give it."""
    try:
        yield
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(130) from None


def plain_text(text: str, style: Style | str = "") -> Text:
    """Text from anywhere, drawn as it is."""
    return Text(printable(redact(text)), style=style)


def color_style(color: str) -> Style:
    """The style of a state's colour; none where a kind of the user's calls something else a colour."""
    try:
        return Style(color=Color.parse(color))
    except ColorParseError:
        return Style()
