"""Opens the outbox of a command, and sends leftovers in the background.

- The outbox is the configured one, or the one in the file of ``--file``. Opening it creates nothing.
- The file of ``--file`` must be an outbox: a name with a mistake in it would be an outbox in which nothing is ever wrong, and a
  database of another program would get tables of tocsin's.
- The URL of a database may hold a password, so it is a secret that the configuration names, and never an argument.
- Messages that an earlier process left in the configured outbox are sent while a command runs. ``run`` and ``exec`` do so through their
  interpreter, unless they send nothing; ``outbox`` does only what it is told.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tocsin.cli.terminal import complain
from tocsin.shell.adapters.secrets import make_known
from tocsin.shell.config.load import configuration
from tocsin.shell.environment import override
from tocsin.shell.errors import OutboxError

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

UNUSABLE = 2
"""The exit status if an outbox cannot be used, or the arguments are wrong."""

_BY_THEMSELVES = frozenset({"exec", "outbox", "run"})  # commands that need no help with leftovers
_NEEDED = ("cattrs", "sqlalchemy")
_IN_URLS = "?%"  # characters that have a meaning in a URL, so a path must not hold them


def drain_leftovers(command: str | None) -> None:
    """Start to send leftovers, unless the command does that itself. The program waits at its end only for messages being sent."""
    if command not in _BY_THEMSELVES and override() is None and configuration().delivery.outbox:
        from tocsin.shell.current import current_of_runs  # slow to load

        current_of_runs()


def with_store(file: str | None, action: "Callable[[Store], int]", *, awaits_file: bool = False) -> int:
    """Run ``action`` on the outbox and return its exit status. If the outbox cannot be used, print the reason.

    Args:
        file: the file of ``--file``.
        action: what to do.
        awaits_file: whether the file of ``--file`` may be missing, since the action waits until a program creates it.
    """
    config = configuration()
    make_known(config.secret_names)
    try:
        store = open_store(file)
        try:
            if file is not None and (not _holds_outbox(store.place) if store.exists else not awaits_file):
                complain(f"there is no outbox at {store.place}: correct --file, or leave it out for the configured outbox")
                return UNUSABLE
            return action(store)
        finally:
            store.close()
    except OutboxError as error:
        complain(str(error))
    return UNUSABLE


def open_store(file: str | None) -> "Store":
    """Return the outbox in the file, or the configured one. The database is not opened yet.

    Raises:
        OutboxError: the outbox cannot be used; the message says why.
    """
    try:
        for name in _NEEDED:
            import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        from tocsin.shell.outbox.store import Store
        from tocsin.shell.reliable import outbox_url

        return Store(outbox_url(configuration()) if file is None else _url(file))
    raise OutboxError(f"the outbox needs the extra: pip install 'tocsin[outbox]' ({missing} is not installed)")


def no_outbox_yet(store: "Store") -> str:
    """Return the message for an outbox whose file does not exist."""
    return f"nothing waits: there is no outbox at {store.place} yet"


def _url(file: str) -> str:
    if "://" in file:  # not repeated in the message, since it may hold a password
        raise OutboxError("--file takes the path of a file; the URL of a database is a secret, which delivery.outbox_secret names")
    if any(char in file for char in _IN_URLS):
        raise OutboxError(f"--file takes a path without the characters {' '.join(_IN_URLS)}: rename the file, or name it in a URL")
    return f"sqlite:///{Path(file).absolute()}"


def _holds_outbox(path: str) -> bool:
    """Whether the file is an outbox, or one that SQLite cannot read: the store says then what is wrong with it."""
    import sqlite3  # slow to load

    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox_version'").fetchone() is not None
    return True
