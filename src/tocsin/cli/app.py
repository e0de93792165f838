"""Declares the commands and their options; each command is implemented in a module of its own.

Exit statuses:

- 0: success.
- 1: a flow did not succeed. It takes precedence over 3: whether the work was done matters most.
- 2: the arguments, or the file that they name, are not usable.
- 3: with ``--fail-on-notify``, the flow succeeded and a notification failed.
- 130: interrupted from the keyboard.
- 143: ended by SIGTERM.
"""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli import check as checking
from tocsin.cli import config as configuring
from tocsin.cli import demo as demonstration
from tocsin.cli import expect as expecting
from tocsin.cli import preview as previewing
from tocsin.cli import run as running
from tocsin.cli import silence as silencing
from tocsin.cli.outbox.app import outbox_app
from tocsin.cli.outbox.opening import drain_leftovers
from tocsin.cli.runs import command as remembered
from tocsin.cli.runs import one_run
from tocsin.cli.runs.query import RunsOptions
from tocsin.cli.terminal import complain, interruptible
from tocsin.cli.textfile import write_textfile
from tocsin.cli.usage import Commands, refuse_beside
from tocsin.shell.environment import Notify

app: typer.Typer = typer.Typer(
    cls=Commands,
    help="Tells people on Slack and by email when the state of what they run changes.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help and errors are plain text: a file's name is never read as markup
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # subcommands inherit it
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


@app.command("send", context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def send() -> None:
    """Send a text by hand; see `tocsin send --help`.

    `send` must be the first argument: it starts before the rest of tocsin is loaded.
    """
    complain("send must be the first argument: write tocsin send [options] [TEXT]")
    raise typer.Exit(2)


@app.command()
def demo(
    *,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write an SVG file instead.")] = None,
    engine: Annotated[
        demonstration.Engine | None, typer.Option("--engine", help="Run a flow on this engine, which must be installed.")
    ] = None,
) -> None:
    """Show the messages that a small flow would send.

    The flow has two tasks, an addition and a division by zero. It needs no secret and no network.
    """
    with interruptible():
        status = demonstration.demo(svg, engine)
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
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --notify=print, draw each message whole, however many there are.")
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
    options = running.RunOptions(
        notify=notify, json=as_json, verbose=verbose, fail_on_notify=fail_on_notify, traceback=traceback, explain=explain
    )
    with interruptible():
        status = running.run(target, options)
    raise typer.Exit(status)


def _ends(incomplete: str) -> list[str]:
    """Return the names of the states in which a body may end, with this beginning."""
    return [name for name in previewing.END_NAMES if name.startswith(incomplete)]


@app.command()
def preview(
    target: Annotated[str, typer.Argument(metavar="FILE[:FLOW]", help="A Python file, and the name of a flow in it.")],
    *,
    fail: Annotated[
        list[str] | None, typer.Option("--fail", metavar="TASK", help="Suppose that this task fails; may be given several times.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Suppose that the tasks of --fail, or all, end in this state, like timedout.",
            autocompletion=_ends,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all other output goes to standard error.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Draw each message whole, however many there are.")] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show the traceback if the file raises an error.")] = False,
) -> None:
    """Show what a flow would say to whom, without running a body.

    All tasks are supposed to succeed, or to end as --fail and --state say. Retries, triggers and skips follow as in a run. The top
    level of the file runs, as it does on import; nothing is sent.

    States: success, failed, timedout, aborted, skipped, paused, triggerfailed.

    Exit status: 0, or 2 if the flow, a task or the state is not known.
    """
    options = previewing.PreviewOptions(fail=tuple(fail or ()), state=state, json=as_json, verbose=verbose, traceback=traceback)
    os.environ["TOCSIN_NOTIFY"] = "none"  # until the process ends: the file may send by an interpreter of its own, or at exit
    with interruptible():
        status = previewing.show_preview(target, options)
    raise typer.Exit(status)


@app.command()
def check(
    *,
    connect: Annotated[bool, typer.Option("--connect", help="Connect to Slack's host and log in to Gmail, without sending.")] = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test message with each notifier.")] = False,
    states: Annotated[bool, typer.Option("--states", help="Show for each state whether each notifier announces it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the configuration, the outbox and the history, and say which states are notified; each fault comes with its remedy.

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


runs_app: typer.Typer = typer.Typer(rich_markup_mode=None)
app.add_typer(runs_app, name="runs")


@runs_app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    *,
    label: Annotated[str | None, typer.Option("--label", help="Show the single runs with this label.")] = None,
    single: Annotated[bool, typer.Option("--all", help="Show the single runs of all labels.")] = False,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only labels whose last run failed; of single runs, those that failed.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only runs that ended since then: 2h, 7d, 2026-01-31.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Show at most this many of the last rows (20 runs, or all labels).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only runs that have not ended.")] = False,
    textfile: Annotated[
        Path | None, typer.Option("--textfile", metavar="FILE", help="Write metrics for node_exporter instead.")
    ] = None,
) -> None:
    """Show how the runs of each label ended, whether anybody was told, and what is overdue.

    The success rate is over the runs that the history keeps, or those since --since.

    Exit status: 0, or 2 if an argument or the history cannot be used.
    """
    chosen = {"--label": label, "--all": single, "--failed": failed, "--since": since, "--limit": limit, "--open": only_open}
    if context.invoked_subcommand is not None:
        refuse_beside(context.invoked_subcommand, {**chosen, "--json": as_json, "--textfile": textfile})
        return
    if textfile is not None:
        refuse_beside("--textfile", {**chosen, "--json": as_json})
        with interruptible():
            status = write_textfile(textfile)
        raise typer.Exit(status)
    if label is not None:
        refuse_beside("--label", {"--all": single})
    if only_open:
        refuse_beside("--open", {"--since": since, "--limit": limit})
    options = RunsOptions(label=label, single=single, failed=failed, since=since, limit=limit, only_open=only_open, as_json=as_json)
    with interruptible():
        status = remembered.runs(options)
    raise typer.Exit(status)


@runs_app.command("show", short_help="Show all that is known of one run.")
def show_run(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a run, or the beginning of it.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show all that is known of one run; its id is in its messages.

    Exit status: 0; 1 if no run, or no single one, has this id; 2 if the history cannot be read.
    """
    with interruptible():
        status = one_run.show_run(run_id, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def silence(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="The label; without it, show what is silent.")] = None,
    *,
    how_long: Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 7d.")] = None,
    because: Annotated[str | None, typer.Option("--because", metavar="TEXT", help="The reason, which the list shows.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the silences of the label now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send no message about a label for a time.

    The silence ends by itself. What is still broken then is told by the next run of the label, or by tocsin outbox drain --watch.

    Exit status: 0; 1 if the label of --end is not silent; 2 if an argument or the history cannot be used.
    """
    if end:
        refuse_beside("--end", {"--for": how_long, "--because": because})
    with interruptible():
        if label is None:
            status = silencing.misused(end=end) if how_long or because or end else silencing.list_silences(as_json=as_json)
        elif end:
            status = silencing.end_silence(label, as_json=as_json)
        else:
            status = silencing.silence_label(label, how_long, because, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def expect(
    label: Annotated[str | None, typer.Argument(metavar="LABEL", help="The label of the run, as tocsin exec has it.")] = None,
    *,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="A run is due this long after the last: 30m, 24h, 7d.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="HH:MM", help="A run is due each day at this time.")] = None,
    zone: Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="The time zone of --at; else the system's.")] = None,
    grace: Annotated[str | None, typer.Option("--grace", metavar="TIME", help="How late a run may start. [default: 5m]")] = None,
    check: Annotated[bool, typer.Option("--check", help="Notify of runs that did not start.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Expect no more runs of LABEL.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Expect runs, and notify of those that do not start; without options, show what is expected.

    A second expectation of a label replaces the first. Who is notified is configured. `tocsin expect --check` notifies, for cron or a
    timer; so do `tocsin outbox drain --watch` and each `tocsin exec`.

    Exit status: 0, or 1 if --check finds a run overdue; 2 if the arguments are wrong or the history cannot be used.
    """
    options = expecting.ExpectOptions(
        label=label, every=every, at=at, zone=zone, grace=grace, check=check, remove=remove, as_json=as_json
    )
    with interruptible():
        status = expecting.expect(options)
    raise typer.Exit(status)
