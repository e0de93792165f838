"""What is said where an outbox cannot be used.

What a database says, in one line for people: what happened, where, and what to do. No password is in it.
"""

import errno
import sqlite3
from collections.abc import Mapping

from tocsin.core.messages.text import cut, describe, one_line
from tocsin.shell.adapters.redaction import redact


class OutboxError(ValueError):
    """An outbox cannot be used, and what to do about it, in one line; the message holds no password."""


class OutboxBusy(OutboxError):
    """It cannot be used from here, just now."""


_LONGEST = 300  # characters of what the database says

_RENEW = "move it away, and a new one is begun; what waits in it is not sent then"
_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another process holds it all the time; end that one, or try again",
    sqlite3.SQLITE_LOCKED: "another process holds it all the time; end that one, or try again",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_PERM: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "make it a file that you may read and write, in a folder that is writable",
    sqlite3.SQLITE_IOERR: "look after the disk",
    sqlite3.SQLITE_NOTADB: f"it is not a database: {_RENEW}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: restore it, or {_RENEW}",
    sqlite3.SQLITE_CONSTRAINT: "its rows are not as they should be: make sure that nobody else writes them",
    sqlite3.SQLITE_ERROR: "its schema is not ours: name another place, or move it away",
    sqlite3.SQLITE_SCHEMA: "its schema is not ours: name another place, or move it away",
}

_OTHER = "look after the database, or name another one"
_POSTGRES: Mapping[str, str] = {
    "08": "see that the server runs, and that its host and port are right",
    "22": "look after that message",
    "23": "its rows are not as they should be: make sure that nobody else writes them",
    "25": "name a server that takes writes",
    "28": "see that the user and the password in its URL are right",
    "3D": "create the database, or name one that is there",
    "42501": "grant the user what it needs: to create tables in its schema, and to read and write them",
    "42": "its schema is not ours: name another database",
    "53": "make room on its disk, or for more connections",
    "55": "another process holds it all the time; end that one, or try again",
    "57": "see that the server runs",
    "58": "look after its disk",
}
_UNREACHED = "see that the server runs, and that its URL is right"


def describe_database_error(error: BaseException, place: str) -> OutboxError:
    """What to say of an error that a database, or the way to it, ended in."""
    cause: object = getattr(error, "orig", None)
    if isinstance(cause, BaseException):
        error = cause
    said = redact(cut(one_line(describe(error)), _LONGEST))
    return OutboxError(f"the outbox at {place} cannot be used: {said}: {_remedy(error)}")


def newer_schema_error(place: str, version: int, known: int) -> OutboxError:
    """What to say of an outbox whose schema is of a version that we do not know."""
    return OutboxError(
        f"the outbox at {place} was written by a newer tocsin (version {version} of its schema, and we know {known}): "
        "upgrade tocsin, or name another place"
    )


def _remedy(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        code: object = getattr(error, "sqlite_errorcode", None)
        return _SQLITE.get(code & 0xFF, _OTHER) if isinstance(code, int) else _OTHER
    if isinstance(error, OSError):
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return "make room on the disk"
        return "make it a file that you may read and write, or name another place"
    state: object = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or _OTHER
    return _UNREACHED if type(error).__module__.startswith("psycopg") else _OTHER
