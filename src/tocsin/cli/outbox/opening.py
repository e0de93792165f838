"""What an earlier process left in the outbox is sent in the background while a command runs, where the configuration keeps one.

``run`` and ``exec`` see to that by what they send with, unless they are to send nothing; ``outbox`` does what it is told.

The outbox that a command is about: the one that is configured, or that in a file; nothing is made by looking for it.

A password is never typed: the URL of a database is a secret, which the configuration names.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.cli.terminal import complain
from tocsin.shell.config.defaults import secret_names, secrets
from tocsin.shell.config.load import configuration
from tocsin.shell.current import current_of_runs
from tocsin.shell.environment import override
from tocsin.shell.outbox.errors import OutboxError

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_BY_THEMSELVES = frozenset({"exec", "outbox", "run"})


def drain_leftovers(command: str | None) -> None:
    """Begin to send it, unless the command sees to that by itself. Nobody waits for more than what is being sent as it ends."""
    if command not in _BY_THEMSELVES and override() is None and configuration().delivery.outbox:
        current_of_runs()


UNUSABLE = 2
"""The exit status where an outbox cannot be used, or what was typed makes no sense."""

_NEEDED = ("cattrs", "sqlalchemy")
_IN_URLS = "?%"  # a path that holds one of these would be read as another one


def with_store(file: str | None, act: "Callable[[Store], int]") -> int:
    """The exit status of ``act`` on the outbox; where that cannot be used, one line says why."""
    config = configuration()
    for name in secret_names():
        secrets(config).find(name)  # from now on it is known, and so it is never shown
    try:
        store = open_store(file)
        try:
            return act(store)
        finally:
            store.close()
    except OutboxError as fault:
        complain(str(fault))
    return UNUSABLE


def open_store(file: str | None) -> "Store":
    """The outbox in a file, or without one the outbox that is configured. It is not touched yet.

    Raises:
        OutboxError: there can be none, and why.
    """
    try:
        for name in _NEEDED:
            import_module(name)
    except ModuleNotFoundError as missing:
        absent = missing.name
    else:
        from tocsin.shell.outbox.configured import configured_store
        from tocsin.shell.outbox.store import Store

        return configured_store() if file is None else Store(_url(file))
    raise OutboxError(f"the outbox needs the extra: pip install 'tocsin[outbox]' ({absent} is not installed)")


def absent(store: "Store") -> str:
    """What to say where the file of an outbox is not there."""
    return f"nothing waits: there is no outbox at {store.place} yet"


def _url(file: str) -> str:
    if "://" in file:  # it is not repeated, since it may hold a password
        raise OutboxError("--file takes the path of a file; the URL of a database is a secret, which delivery.outbox_secret names")
    if any(char in file for char in _IN_URLS):
        raise OutboxError(f"--file takes a path without the characters {' '.join(_IN_URLS)}: rename the file, or name it in a URL")
    return f"sqlite:///{Path(file).absolute()}"
