"""What the shell suggests when somebody presses the tab key: keys, and destinations, of an outbox in a file.

It raises nothing, says nothing, makes no file, reads no secret, and opens no connection to a database far away: whoever presses a key
has asked for none of that.
"""

import io
from collections.abc import Callable, Iterable
from contextlib import closing, redirect_stderr
from typing import TYPE_CHECKING

import typer

from tocsin.cli.outbox.opening import opened
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
    with closing(opened(named)) as store:
        return list(ask(store)) if store.exists else []
