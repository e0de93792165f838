"""``tocsin demo``: a flow of two tasks, an addition and then a division by zero, and what people would be sent of it.

The flow is real, and so is each message; only the sending is left out.
"""

from pathlib import Path

from tocsin.cli.drawing import WIDTH, drawing
from tocsin.cli.picture import picture
from tocsin.cli.terminal import complain, console, literally, say
from tocsin.core.states import Failed, Running
from tocsin.flows.flow import Flow
from tocsin.flows.task import task
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreters.recording import Recording

_INTRODUCTION = "A flow of two tasks runs: an addition, then a division by zero. It would send:"
_NEXT = "Nothing was sent. Next: set SLACK_WEBHOOK_URL, and run a flow of yours: tocsin run FILE"


def story() -> Flow:
    """The flow of the demo.

    >>> from tocsin import Recording
    >>> story().run(interpreter=Recording()).state
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


def demo(svg: Path | None = None) -> int:
    """Run the flow and show what it would send, or draw that into a file; the exit status: 2 if the file cannot be written."""
    recording = Recording()
    story().run(interpreter=recording)
    paper = console(WIDTH, widest=WIDTH)
    if svg is None:
        say(paper, literally(f"{_INTRODUCTION}\n"), *(drawing(effect) for effect in recording.effects), literally(_NEXT))
        return 0
    try:
        svg.write_text(picture(recording.effects, "tocsin demo"), encoding="utf-8")
    except OSError as error:
        complain(f"{svg}: {error.strerror}")
        return 2
    say(paper, literally(f"The drawing is in {svg}"))
    return 0
