"""Checks the outbox, where messages are to be kept in one: whether its database can be written, and what is in it.

The check creates no file. A database on a server is connected to, since a program that notifies connects to it, too; so the check waits
some seconds for a server that does not answer.
"""

from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.core.config.schema import Configuration
from tocsin.core.diagnosis import Finding
from tocsin.core.outbox.model import WAITING
from tocsin.core.outbox.status import UNSETTLED, count, messages
from tocsin.core.outcomes import Rejected
from tocsin.shell.check.folders import obstacle
from tocsin.shell.config.defaults import secrets
from tocsin.shell.errors import OutboxError
from tocsin.shell.reliable import outbox_url

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_NEEDED = ("cattrs", "sqlalchemy")


def check_outbox(config: Configuration) -> tuple[Finding, ...]:
    """Return what is found, nothing if no outbox is configured. A missing secret is not reported again."""
    name = config.delivery.outbox_secret
    if not config.delivery.outbox or (name is not None and isinstance(secrets(config).find(name), Rejected)):
        return ()
    missing = _missing_library()
    if missing is not None:
        return (Finding("outbox", f"messages are not kept in it: {missing} is not installed", "pip install 'tocsin[outbox]'"),)
    from tocsin.shell.outbox.store import Store

    try:
        with closing(Store(outbox_url(config))) as store:
            return (_state(store) if store.exists else _state_of_place(store.place),)
    except OutboxError as error:
        what, _, remedy = str(error).rpartition(": ")
        return (Finding("outbox", what, remedy),)


def _missing_library() -> str | None:
    try:
        for name in _NEEDED:
            import_module(name)
    except ModuleNotFoundError as error:
        return error.name
    return None


def _state(store: "Store") -> Finding:
    """Return what is in the outbox.

    Raises:
        OutboxError: it cannot be read and written.
    """
    store.probe()
    census = store.census()
    waiting = count(census, WAITING)
    unsettled = ((status, count(census, [status])) for status in UNSETTLED)
    parts = (
        f"{messages(waiting)} wait{'s' if waiting == 1 else ''}",
        *(f"{number:,} {status}" for status, number in unsettled if number),
    )
    return Finding("outbox", f"{store.place} can be written; {', '.join(parts)}")


def _state_of_place(path: str) -> Finding:
    """Return whether a file can be created in the folder of the path, or in the nearest folder above it that exists."""
    found = obstacle(Path(path).parent)
    if found is None:
        return Finding("outbox", f"there is none at {path} yet; the first message creates it")
    return Finding("outbox", f"{path} cannot be created", f"make {found} a folder in which you may write, or name another place")
