"""``tocsin demo``: runs a flow of two tasks, an addition and then a division by zero, and shows the messages.

- The flow and the messages are real. Only the sending is left out.
- With an engine, a flow of that engine runs, if it is installed.
- The messages can also be drawn as an SVG picture, for a page of documentation. The same effects give the same bytes with the same
  release of Rich: nothing in it depends on the machine, the terminal or the time.
"""

import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Literal

from rich.console import Console

from tocsin.cli.render import WIDTH, drawing
from tocsin.cli.terminal import complain, console, plain_text, say
from tocsin.core.effects import Effect
from tocsin.core.states import Failed, Running
from tocsin.flows.flow import Flow
from tocsin.flows.task import task
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreters.dry_run import Recording

_INTRODUCTION = "A flow of two tasks runs: an addition, then a division by zero. It would send:"
_NEXT = "Nothing was sent. Next: set SLACK_WEBHOOK_URL, and run a flow of yours: tocsin run FILE"
Engine = Literal["prefect"]
"""The engines on which the demo can run."""

_FONT_FACE = re.compile(r"\s*@font-face \{[^}]*\}")


def picture(effects: Iterable[Effect], title: str) -> str:
    """Draw the effects below each other in a window titled ``title``. Return the text of an SVG file.

    >>> from tocsin.cli.demo import demo_flow
    >>> from tocsin import Recording
    >>> recording = Recording()
    >>> report = demo_flow().run(interpreter=recording)
    >>> picture(recording.effects, "tocsin demo")[:4]
    '<svg'
    """
    paper = Console(
        file=StringIO(),
        record=True,
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    for effect in effects:
        paper.print(drawing(effect))
    return _FONT_FACE.sub("", paper.export_svg(title=title, unique_id="tocsin"))  # the picture must not load fonts from the network


def demo_flow() -> Flow:
    """Return the flow of the demo.

    >>> from tocsin import Recording
    >>> demo_flow().run(interpreter=Recording()).state
    Failed("Some reference tasks failed.")
    """
    slack = slack_notifier(ignore_states=[Running])

    @task(state_handlers=[slack])
    def add(x: int, y: int = 1) -> int:
        return x + y

    @task(state_handlers=[slack, gmail_notifier(only_states=[Failed])])
    def divide(x: float) -> float:
        return 1 / x

    with Flow("demo", state_handlers=[slack]) as flow:
        divide(add(-1))
    return flow


def demo(svg: Path | None = None, engine: Engine | None = None) -> int:
    """Run the flow, show its messages or write them to a file.

    Returns:
        The exit status: 2 if the engine is not installed, or the file cannot be written.
    """
    try:
        introduction, effects, then = _run() if engine is None else _run_on_prefect()
    except ImportError as error:
        complain(str(error))
        return 2
    paper = console(WIDTH, widest=WIDTH)
    if svg is None:
        say(paper, plain_text(f"{introduction}\n"), *(drawing(effect) for effect in effects), plain_text(then))
        return 0
    try:
        svg.write_text(picture(effects, "tocsin demo"), encoding="utf-8")
    except OSError as error:
        complain(f"{svg}: {error.strerror}")
        return 2
    say(paper, plain_text(f"The drawing is in {svg}"))
    return 0


def _run() -> tuple[str, tuple[Effect, ...], str]:
    recording = Recording()
    demo_flow().run(interpreter=recording)
    return _INTRODUCTION, recording.effects, _NEXT


def _run_on_prefect() -> tuple[str, tuple[Effect, ...], str]:
    from tocsin.cli.demo_prefect import INTRODUCTION, NEXT, told_by_prefect

    return INTRODUCTION, told_by_prefect(), NEXT  # pragma: no cover - where Prefect is installed
