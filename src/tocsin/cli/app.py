"""Declares the commands and their options; each command is implemented in a module of its own.

Exit statuses:

- 0: success.
- 1: a flow did not succeed. It takes precedence over 3: whether the work was done matters most.
- 2: the arguments, or the file that they name, are not usable.
- 3: with ``--fail-on-notify``, the flow succeeded and a notification failed.
- 130: interrupted from the keyboard.
- 143: ended by SIGTERM.
"""

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
from tocsin.shell.environment import Notify

app: typer.Typer = typer.Typer(
    help="Tells people on Slack and by email when the state of what they run changes.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help and errors are plain text: a file's name is never read as markup
    pretty_exceptions_enable=False,
)


def _version(requested: bool) -> None:  # noqa: FBT001 - Typer passes it by position
    if requested:
        typer.echo(f"tocsin {version('tocsin')}")
        raise typer.Exit


@app.callback()
def tocsin(
    context: typer.Context,
    *,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Handle the options before the command."""
    drain_leftovers(context.invoked_subcommand)


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def execute() -> None:
    """Run any command, and report how it went; see `tocsin exec --help`.

    `exec` must be the first argument: it starts the command before the rest of tocsin is loaded.
    """
    complain("exec must be the first argument: write tocsin exec [options] -- COMMAND [ARGUMENT ...]")
    raise typer.Exit(2)


@app.command()
def demo(
    *,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write an SVG file instead.")] = None,
) -> None:
    """Show the messages that a small flow would send.

    The flow has two tasks, an addition and a division by zero. It needs no secret and no network.
    """
    with interruptible():
        status = demonstration.demo(svg)
    raise typer.Exit(status)


@app.command()
def run(
    target: Annotated[str, typer.Argument(metavar="FILE[:FLOW]", help="A Python file, and the name of a flow in it.")],
    *,
    notify: Annotated[Notify, typer.Option("--notify", help="Send notifications, print them, or do neither.")] = "live",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object; all other output goes to standard error.")
    ] = False,
    fail_on_notify: Annotated[
        bool, typer.Option("--fail-on-notify", help="Exit with 3 if the flow succeeds and a notification fails.")
    ] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show the traceback of each error.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show for each change and handler whether it sent a notification, or why not.")
    ] = False,
) -> None:
    """Run the flow in a Python file.

    The tasks always run, also if no notification is sent. If the file holds two flows or more, write FILE:NAME.

    Exit status: 0 if the flow succeeds, 1 if it does not, 2 if the flow to run is missing or ambiguous, and with --fail-on-notify 3
    if it succeeds but a notification fails. SIGTERM aborts the flow, which sends notifications like any other end: 143.
    """
    options = running.RunOptions(notify=notify, json=as_json, fail_on_notify=fail_on_notify, traceback=traceback, explain=explain)
    with interruptible():
        status = running.run(target, options)
    raise typer.Exit(status)


@app.command()
def check(
    *,
    connect: Annotated[bool, typer.Option("--connect", help="Connect to Slack's host and log in to Gmail, without sending.")] = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test message with each notifier.")] = False,
    states: Annotated[bool, typer.Option("--states", help="Show for each state whether each notifier announces it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the configuration and the outbox, and say which states are notified; each fault comes with its remedy.

    Exit status: 0 if there is no fault, 1 if there is one.
    """
    options = checking.CheckOptions(connect=connect, send_test=send_test, states=states, json=as_json)
    with interruptible():
        status = checking.check(options)
    raise typer.Exit(status)


config_app: typer.Typer = typer.Typer(help="Show the configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
app.add_typer(outbox_app, name="outbox")


@config_app.callback()
def config() -> None:
    """Show the configuration."""


@config_app.command()
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each setting, its value, and where it comes from.

    Exit status: 0, or 2 if a file or a variable cannot be used; each problem is one line.
    """
    with interruptible():
        status = configuring.show(as_json=as_json)
    raise typer.Exit(status)


@app.command()
def runs(
    *,
    label: Annotated[str | None, typer.Option("--label", help="Only runs with this label.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many of the last ended runs.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only runs that have not ended.")] = False,
) -> None:
    """Show the runs that are open, those that were killed, and how the last ones ended.

    Exit status: 0, or 2 if the history cannot be read.
    """
    with interruptible():
        status = remembered.runs(label, limit=limit, as_json=as_json, only_open=only_open)
    raise typer.Exit(status)
