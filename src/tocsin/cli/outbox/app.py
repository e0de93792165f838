"""Declares the commands of ``tocsin outbox`` and their shell completion; each command is implemented in a module of its own.

Exit statuses:

- 0: success, and no action is needed.
- 1: a person should act, or a message that was named does not exist.
- 2: the outbox cannot be used, or the arguments are wrong.
- 130: interrupted from the keyboard.
- 143: ended by SIGTERM.

Completion suggests the keys and destinations of an outbox in a file. It raises nothing, prints nothing, creates no file,
reads no secret, and connects to no database server.
"""

import io
from collections.abc import Callable, Iterable
from contextlib import closing, redirect_stderr
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.outbox import modify, overview
from tocsin.cli.outbox.opening import UNUSABLE, open_store, with_store
from tocsin.cli.outbox.overview import ListOptions, show_messages
from tocsin.cli.outbox.show import show_message
from tocsin.cli.terminal import complain, interruptible
from tocsin.core.outbox.model import Status
from tocsin.shell.config.load import configuration

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_COMPLETED = 1000  # newest messages whose keys are suggested
_FILE = "file"  # name of the parameter


def keys(context: typer.Context, incomplete: str) -> list[str]:
    """Return the keys with this beginning, the newest first."""
    return _complete(context, incomplete, lambda store: (row.key for row in reversed(store.rows(limit=_COMPLETED))))


def destinations(context: typer.Context, incomplete: str) -> list[str]:
    """Return the destinations with this beginning."""
    return _complete(context, incomplete, lambda store: sorted({counted.destination for counted in store.census()}))


def _complete(context: typer.Context, incomplete: str, query: "Callable[[Store], Iterable[str]]") -> list[str]:
    with redirect_stderr(io.StringIO()):  # the configuration may have problems, which would be printed
        try:
            return [word for word in _words(context, query) if word.startswith(incomplete) and word.isprintable()]
        except Exception:
            return []


def _words(context: typer.Context, query: "Callable[[Store], Iterable[str]]") -> list[str]:
    file: object = context.params.get(_FILE)
    path = file if isinstance(file, str) else None
    if path is None and configuration().delivery.outbox_secret is not None:
        return []
    with closing(open_store(path)) as store:
        return list(query(store)) if store.exists else []


outbox_app: typer.Typer = typer.Typer(
    help="Show the messages in the outbox, send, retry, bury or remove them.", no_args_is_help=True, rich_markup_mode=None
)

File = Annotated[str | None, typer.Option("--file", metavar="PATH", help="An SQLite file to use instead of the configured outbox.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_KEYS_HELP = "Keys of messages, as list shows them, or their beginnings."
Keys = Annotated[list[str], typer.Argument(metavar="KEY", help=_KEYS_HELP, autocompletion=keys)]
MaybeKeys = Annotated[list[str] | None, typer.Argument(metavar="KEY", help=_KEYS_HELP, autocompletion=keys)]


def _exit_with(file: str | None, action: "Callable[[Store], int]", *, awaits_file: bool = False) -> None:
    with interruptible():
        status = with_store(file, action, awaits_file=awaits_file)
    raise typer.Exit(status)


@outbox_app.command(short_help="Count the messages by destination and status.")
def status(*, file: File = None, as_json: Json = False) -> None:
    """Count the messages by destination and status, and say whether a person should act.

    Exit status: 0, or 1 if messages are dead or unknown; 2 if the outbox cannot be read.
    """
    _exit_with(file, lambda store: overview.status(store, as_json=as_json))


@outbox_app.command("list", short_help="Show the newest messages, the newest last.")
def list_messages(
    *,
    statuses: Annotated[
        list[Status] | None, typer.Option("--status", metavar="STATUS", help="Only messages with this status; may be repeated.")
    ] = None,
    destination: Annotated[
        str | None,
        typer.Option("--destination", help="Only messages to this destination, as status shows it.", autocompletion=destinations),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Show at most this many of the newest messages.")] = 20,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Show the newest messages with their statuses and texts, the newest last.

    Exit status: 0, or 2 if the outbox cannot be read.
    """
    options = ListOptions(statuses=tuple(statuses or ()), destination=destination, limit=limit, json=as_json)
    _exit_with(file, lambda store: show_messages(store, options))


@outbox_app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key of a message, or its beginning.", autocompletion=keys)],
    *,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Show all of one message, and how people see it.

    Exit status: 0, or 1 if there is no message with this key; 2 if the outbox cannot be read.
    """
    _exit_with(file, lambda store: show_message(store, key, as_json=as_json))


@outbox_app.command()
def drain(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Keep running and send new messages, until SIGTERM or an interrupt.")] = False,
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics", metavar="PORT", min=0, max=65535, help="With --watch: serve metrics on 127.0.0.1; 0 chooses a free port."
        ),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Send the messages that are due, from all programs.

    Exit status: 0 if no message is left waiting; 1 if one is, or was given up; 2 if the outbox cannot be used, or TOCSIN_NOTIFY
    says not to send. With --watch: 0 after a stop by a signal.
    """
    if metrics is not None and not watch:
        complain("--metrics is for a service: write tocsin outbox drain --watch --metrics PORT")
        raise typer.Exit(UNUSABLE)

    def send(store: "Store") -> int:  # the modules that send import SQLAlchemy: installed, since the outbox is open
        if watch:
            from tocsin.cli.outbox import daemon

            return daemon.run_daemon(store, metrics=metrics, as_json=as_json)
        from tocsin.cli.outbox.drain import drain_due

        return drain_due(store, as_json=as_json)

    _exit_with(file, send, awaits_file=watch)


@outbox_app.command(short_help="Retry messages from the first attempt.")
def retry(
    named: MaybeKeys = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="All dead messages, or those with the status of --status.")] = False,
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", metavar="STATUS", help="With --all: dead, unknown (may arrive twice) or delayed."),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Retry messages from the first attempt: those named, or all that are dead.

    Exit status: 0, or 1 if a message that was named cannot be retried; 2 if the outbox cannot be used.
    """
    _exit_with(file, lambda store: modify.retry_messages(store, named or (), statuses or (), all_of_them=all_of_them, as_json=as_json))


@outbox_app.command()
def bury(named: Keys, *, file: File = None, as_json: Json = False) -> None:
    """Give messages up: they are kept as dead, and not sent.

    Exit status: 0, or 1 if one of them cannot be buried, for example because it is being sent; 2 if the outbox cannot be used.
    """
    _exit_with(file, lambda store: modify.bury_messages(store, named, as_json=as_json))


@outbox_app.command()
def purge(
    *,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Minimum time since they ended: 7d, 12h, 30m.")],
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", metavar="STATUS", help="delivered (the default), dead or unknown; may be repeated."),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Remove delivered messages and free their space. Dead messages are kept, unless --status dead is given.

    Exit status: 0, or 2 if the outbox cannot be used.
    """
    _exit_with(file, lambda store: modify.purge_messages(store, older_than, tuple(statuses or ()), as_json=as_json))
