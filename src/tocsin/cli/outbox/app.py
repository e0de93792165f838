"""What may be typed after ``tocsin outbox``; each command is a module of its own.

The exit status: 0, it went well, and nobody need do anything. 1: somebody should look, or what was named is not there. 2: the outbox
cannot be used, or what was typed makes no sense. 130: interrupted from the keyboard. 143: ended by SIGTERM.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.outbox import changing
from tocsin.cli.outbox import status as standing
from tocsin.cli.outbox.completing import destinations, keys
from tocsin.cli.outbox.listing import Asked, listed
from tocsin.cli.outbox.opening import UNUSABLE, answered
from tocsin.cli.outbox.showing import shown
from tocsin.cli.terminal import complain, interruptible
from tocsin.core.outbox.rows import Status

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

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
        status = answered(file, act)
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
    asked = Asked(statuses=tuple(statuses or ()), destination=destination, limit=limit, json=as_json)
    _ended(file, lambda store: listed(store, asked))


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
    _ended(file, lambda store: shown(store, key, as_json=as_json))


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
            from tocsin.cli.outbox import watching

            return watching.watched(store, watching.Asked(metrics=metrics, json=as_json))
        from tocsin.cli.outbox.draining import drained

        return drained(store, as_json=as_json)

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
    wanted = changing.Wanted(keys=tuple(named or ()), statuses=tuple(statuses or ()), all_of_them=all_of_them)
    _ended(file, lambda store: changing.retried(store, wanted, as_json=as_json))


@outbox_app.command()
def bury(named: Keys, *, file: File = None, as_json: Json = False) -> None:
    """Have messages not sent any more. They are kept, as dead.

    Exit status: 0, or 1 if one of them cannot be buried, since it is being sent, say; 2 if the outbox cannot be used.
    """
    _ended(file, lambda store: changing.buried(store, named, as_json=as_json))


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
    _ended(file, lambda store: changing.purged(store, older_than, tuple(statuses or ()), as_json=as_json))
