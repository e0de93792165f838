"""What may be typed: the commands, their options, and nothing else; each command is a module of its own.

The exit status is part of it. 0: it went well. 1: a flow did not end in a success. 2: what was typed, or the file named, makes no
sense. 3: with ``--fail-on-notify``, the flow succeeded and a notification did not. 130: interrupted from the keyboard. 143: ended
by SIGTERM.

1 comes before 3: whoever is woken wants to know first whether the work was done. 3 says that it was.
"""

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import check as checking
from tocsin.cli import config as configuring
from tocsin.cli import demo as demonstration
from tocsin.cli import run as running
from tocsin.cli import runs as remembered
from tocsin.cli.outbox.app import outbox_app
from tocsin.cli.outbox.opening import drain_leftovers
from tocsin.cli.terminal import complain, interruptible
from tocsin.shell.interpreters.base import Notify

app: typer.Typer = typer.Typer(
    help="Tells people on Slack and by email when the state of what they run changes.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help and errors are plain text: a file's name is no markup
    pretty_exceptions_enable=False,
)


class NotifyChoice(StrEnum):
    """The choices of ``--notify``."""

    LIVE = "live"
    PRINT = "print"
    NONE = "none"

    @property
    def notify(self) -> Notify:
        """The choice, as interpreters call it."""
        return "live" if self is NotifyChoice.LIVE else "print" if self is NotifyChoice.PRINT else "none"


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer passes it by position
    if asked:
        typer.echo(f"tocsin {version('tocsin')}")
        raise typer.Exit


@app.callback()
def tocsin(
    context: typer.Context,
    *,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Take the options that stand before a command."""
    drain_leftovers(context.invoked_subcommand)


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def execute() -> None:
    """Run any command, and tell how it went; see `tocsin exec --help`.

    It is listed here and obeyed elsewhere: the command is to start before all this is loaded.
    """
    complain("exec comes first: write tocsin exec [options] -- COMMAND [ARGUMENT ...]")
    raise typer.Exit(2)


@app.command()
def demo(
    *,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw into an SVG file instead.")] = None,
) -> None:
    """Show what people would be sent of a small flow.

    The flow has two tasks, an addition and a division by zero. It needs no secret and no network.
    """
    with interruptible():
        status = demonstration.demo(svg)
    raise typer.Exit(status)


@app.command()
def run(
    target: Annotated[str, typer.Argument(metavar="FILE[:FLOW]", help="A Python file, and the name of the flow in it.")],
    *,
    notify: Annotated[
        NotifyChoice, typer.Option("--notify", help="Send notifications, print them instead, or neither.")
    ] = NotifyChoice.LIVE,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object; all else goes to standard error.")] = False,
    fail_on_notify: Annotated[bool, typer.Option("--fail-on-notify", help="Exit with 3 where only a notification failed.")] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show the traceback of each error.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each change and handler: sent, or why not.")] = False,
) -> None:
    """Run the flow in a Python file.

    The tasks run for real, whatever becomes of the notifications. Where the file holds two flows or more, write FILE:NAME.

    Exit status: 0 if the flow succeeds, 1 if it does not, 2 if there is no one flow to run, and with --fail-on-notify 3 if it
    succeeds but a notification fails. SIGTERM aborts the flow, which is told as any other end: 143.
    """
    wishes = running.RunOptions(notify=notify.notify, json=as_json, fail_on_notify=fail_on_notify, traceback=traceback, explain=explain)
    with interruptible():
        status = running.run(target, wishes)
    raise typer.Exit(status)


@app.command()
def check(
    *,
    connect: Annotated[bool, typer.Option("--connect", help="Connect to Slack's host and log in to Gmail; send nothing.")] = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one message by each notifier.")] = False,
) -> None:
    """Look whether people would be told, and of what; each fault comes with its remedy.

    Exit status: 0 if all is well, 1 if there is a fault.
    """
    with interruptible():
        status = checking.check(connect=connect, send_test=send_test)
    raise typer.Exit(status)


config_app: typer.Typer = typer.Typer(help="See what is configured.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
app.add_typer(outbox_app, name="outbox")


@config_app.callback()
def config() -> None:
    """See what is configured."""


@config_app.command()
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Show it as one JSON object.")] = False,
) -> None:
    """Show each setting, its value, and where it comes from.

    Exit status: 0, or 2 if a file or a variable cannot be used, which is said in one line each.
    """
    with interruptible():
        status = configuring.show(as_json=as_json)
    raise typer.Exit(status)


@app.command()
def runs(
    *,
    label: Annotated[str | None, typer.Option("--label", help="Only the runs of this label.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many of those that ended: the last ones.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Show them as one JSON object.")] = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that have not come to their end.")] = False,
) -> None:
    """Show how the last runs ended, which are open, and which were killed.

    Exit status: 0, or 2 if the journal cannot be read.
    """
    with interruptible():
        status = remembered.runs(remembered.RunsOptions(label=label, limit=limit, json=as_json, open=only_open))
    raise typer.Exit(status)
