"""What the shell suggests when somebody presses the tab key: keys, and destinations, of an outbox in a file.

It raises nothing, says nothing, makes no file, reads no secret, and opens no connection to a database far away: whoever presses a key
has asked for none of that.

What may be typed after ``tocsin outbox``; each command is a module of its own.

The exit status: 0, it went well, and nobody need do anything. 1: somebody should look, or what was named is not there. 2: the outbox
cannot be used, or what was typed makes no sense. 130: interrupted from the keyboard. 143: ended by SIGTERM.
"""

import io
from collections.abc import Callable, Iterable
from contextlib import closing, redirect_stderr
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.outbox import modify
from tocsin.cli.outbox import overview as standing
from tocsin.cli.outbox.opening import UNUSABLE, open_store, with_store
from tocsin.cli.outbox.overview import ListOptions, show_messages
from tocsin.cli.outbox.show import show_message
from tocsin.cli.terminal import complain, interruptible
from tocsin.core.outbox.model import Status
from tocsin.shell.config.load import configuration

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_LOOKED_AT = 1000  # messages, the newest
_FILE = "file"


def keys(context: typer.Context, incomplete: str) -> list[str]:
    """Keys that begin so, the newest first."""
    return _found(context, incomplete, lambda store: (row.key for row in reversed(store.rows(limit=_LOOKED_AT))))


def destinations(context: typer.Context, incomplete: str) -> list[str]:
    """Destinations that begin so."""
    return _found(context, incomplete, lambda store: sorted({counted.destination for counted in store.census()}))


def _found(context: typer.Context, incomplete: str, ask: "Callable[[Store], Iterable[str]]") -> list[str]:
    with redirect_stderr(io.StringIO()):  # of what is wrong with the configuration, say
        try:
            return [word for word in _asked(context, ask) if word.startswith(incomplete) and word.isprintable()]
        except Exception:
            return []


def _asked(context: typer.Context, ask: "Callable[[Store], Iterable[str]]") -> list[str]:
    file: object = context.params.get(_FILE)
    named = file if isinstance(file, str) else None
    if named is None and configuration().delivery.outbox_secret is not None:
        return []
    with closing(open_store(named)) as store:
        return list(ask(store)) if store.exists else []


outbox_app: typer.Typer = typer.Typer(
    help="See what is in the outbox, have it sent, and say what is to become of it.", no_args_is_help=True, rich_markup_mode=None
)

File = Annotated[
    str | None, typer.Option("--file", metavar="PATH", help="A file of SQLite, in place of the outbox that is configured.")
]
Json = Annotated[bool, typer.Option("--json", help="Say it as one JSON object.")]
Keys = Annotated[list[str], typer.Argument(metavar="KEY", help="Keys of messages, as list names them.", autocompletion=keys)]
MaybeKeys = Annotated[list[str] | None, typer.Argument(metavar="KEY", help="Keys, as list names them.", autocompletion=keys)]


def _ended(file: str | None, act: "Callable[[Store], int]") -> None:
    with interruptible():
        status = with_store(file, act)
    raise typer.Exit(status)


@outbox_app.command()
def status(*, file: File = None, as_json: Json = False) -> None:
    """Count the messages: where they go, how they stand, and whether somebody should do something.

    Exit status: 0, or 1 if messages are dead or unknown; 2 if the outbox cannot be read.
    """
    _ended(file, lambda store: standing.status(store, as_json=as_json))


@outbox_app.command("list")
def list_messages(
    *,
    statuses: Annotated[
        list[Status] | None, typer.Option("--status", metavar="STATUS", help="Only those that stand so; may be repeated.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", help="Only those that go there, as status names it.", autocompletion=destinations)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many: the last ones.")] = 20,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Show the last messages, the newest last: how each stands, and what it says.

    Exit status: 0, or 2 if the outbox cannot be read.
    """
    asked = ListOptions(statuses=tuple(statuses or ()), destination=destination, limit=limit, json=as_json)
    _ended(file, lambda store: show_messages(store, asked))


@outbox_app.command()
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key of a message, or the beginning of one.", autocompletion=keys)],
    *,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Show all of one message, and what people see of it.

    Exit status: 0, or 1 if there is none of this key; 2 if the outbox cannot be read.
    """
    _ended(file, lambda store: show_message(store, key, as_json=as_json))


@outbox_app.command()
def drain(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and send what is put in, until SIGTERM or an interrupt.")] = False,
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics", metavar="PORT", min=0, max=65535, help="With --watch: serve metrics on 127.0.0.1; 0 for a free port."
        ),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Send what is due now, whoever put it in.

    Exit status: 0 if nothing that waits is left; 1 if something is, or was given up; 2 if the outbox cannot be used, or
    TOCSIN_NOTIFY says that nothing is to be sent. With --watch: 0 when it was told to stop.
    """
    if metrics is not None and not watch:
        complain("--metrics is for a service: write tocsin outbox drain --watch --metrics PORT")
        raise typer.Exit(UNUSABLE)

    def act(store: "Store") -> int:  # with what sends comes SQLAlchemy, which is there once an outbox was opened
        if watch:
            from tocsin.cli.outbox import daemon

            return daemon.run_daemon(store, daemon.DaemonOptions(metrics=metrics, json=as_json))
        from tocsin.cli.outbox.drain import drain_due

        return drain_due(store, as_json=as_json)

    _ended(file, act)


@outbox_app.command()
def retry(
    named: MaybeKeys = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="All that is dead, or stands as --status says.")] = False,
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", metavar="STATUS", help="With --all: dead, unknown (it may arrive twice) or delayed."),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Have messages tried again, from the beginning: these, or all that is dead.

    Exit status: 0, or 1 if one that was named cannot be tried again; 2 if the outbox cannot be used.
    """
    wanted = modify.MessageSelection(keys=tuple(named or ()), statuses=tuple(statuses or ()), all_of_them=all_of_them)
    _ended(file, lambda store: modify.retry_messages(store, wanted, as_json=as_json))


@outbox_app.command()
def bury(named: Keys, *, file: File = None, as_json: Json = False) -> None:
    """Have messages not sent any more. They are kept, as dead.

    Exit status: 0, or 1 if one of them cannot be buried, since it is being sent, say; 2 if the outbox cannot be used.
    """
    _ended(file, lambda store: modify.bury_messages(store, named, as_json=as_json))


@outbox_app.command()
def purge(
    *,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="How long ago they ended, at least: 7d, 12h, 30m.")],
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", metavar="STATUS", help="delivered (if none is named), dead or unknown; may be repeated."),
    ] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Remove messages that were delivered, and give back their space. What is dead stays, unless --status dead is written.

    Exit status: 0, or 2 if the outbox cannot be used.
    """
    _ended(file, lambda store: modify.purge_messages(store, older_than, tuple(statuses or ()), as_json=as_json))
