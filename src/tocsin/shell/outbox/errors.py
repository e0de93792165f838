"""Errors of the outbox: one line that says what happened, where, and what to do. No line holds a password."""

import errno
import sqlite3
from collections.abc import Mapping

from tocsin.core.text import cut, describe, one_line
from tocsin.shell.errors import OutboxError
from tocsin.shell.redaction import redact

_LONGEST = 300  # characters of the error text of the database

_RENEW = "move it away, and tocsin creates a new one; the messages that wait in the old one are not sent"
_SQLITE_REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another process holds it all the time; end that one, or try again",
    sqlite3.SQLITE_LOCKED: "another process holds it all the time; end that one, or try again",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_PERM: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "make it a file that you may read and write, in a folder that is writable",
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_NOTADB: f"it is not a database: {_RENEW}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: restore it, or {_RENEW}",
    sqlite3.SQLITE_CONSTRAINT: "its rows are not as they should be: make sure that only tocsin writes them",
    sqlite3.SQLITE_ERROR: "its schema is not tocsin's: name another place, or move it away",
    sqlite3.SQLITE_SCHEMA: "its schema is not tocsin's: name another place, or move it away",
}

_OTHER_REMEDY = "check the database, or name another one"
_POSTGRES_REMEDIES: Mapping[str, str] = {
    "08": "make sure that the server runs, and that its host and port are right",
    "22": "check that message",
    "23": "its rows are not as they should be: make sure that only tocsin writes them",
    "25": "name a server that takes writes",
    "28": "make sure that the user and the password in its URL are right",
    "3D": "create the database, or name one that is there",
    "42501": "grant the user what it needs: to create tables in its schema, and to read and write them",
    "42": "its schema is not tocsin's: name another database",
    "53": "make room on its disk, or for more connections",
    "55": "another process holds it all the time; end that one, or try again",
    "57": "make sure that the server runs",
    "58": "check its disk",
}
_UNREACHABLE_REMEDY = "make sure that the server runs, and that its URL is right"
_REFUSED_CONNECTIONS: Mapping[str, str] = {  # by words, since such an error has no code
    "authentication failed": _POSTGRES_REMEDIES["28"],
    "no pg_hba.conf entry": _POSTGRES_REMEDIES["28"],
    '" does not exist': _POSTGRES_REMEDIES["3D"],
    "no such database": _POSTGRES_REMEDIES["3D"],
}
_POOLER_REMEDIES: Mapping[str, str] = {  # by words, since PgBouncer has one code for all that it refuses
    "statement pooling mode": "let the pooler give out its connections by session or by transaction (pool_mode)",
    "unsupported startup parameter": "leave that option out of the URL, or name it in the pooler's ignore_startup_parameters",
    "prepared statement": "write ?prepare_threshold=none at the end of the URL: a pooler seems to be in between",
}


_UPGRADE = "upgrade tocsin, or name another place"
_BY_HAND = (_RENEW, _UPGRADE, *(_POSTGRES_REMEDIES[state] for state in ("28", "3D", "42501", "42")), *_POOLER_REMEDIES.values())


def describe_database_error(error: BaseException, place: str) -> OutboxError:
    """Return the error to show for an error of a database, of its driver or of the connection to it."""
    cause: object = getattr(error, "orig", None)
    if isinstance(cause, BaseException):
        error = cause
    reason = cut(one_line(redact(describe(error))), _LONGEST)
    return OutboxError(f"the outbox at {place} cannot be used: {reason}: {_remedy(error)}")


def needs_person(error: OutboxError) -> bool:
    """Whether a person has to mend this: the database answers, and another attempt would get the same answer."""
    return str(error).endswith(_BY_HAND)


def newer_schema_error(place: str, version: int, known: int) -> OutboxError:
    """Return the error for an outbox whose schema version is newer than this tocsin knows."""
    return OutboxError(
        f"the outbox at {place} was written by a newer tocsin "
        f"(its schema version is {version}, and this tocsin knows {known}): {_UPGRADE}"
    )


def _remedy(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        code: object = getattr(error, "sqlite_errorcode", None)
        return _SQLITE_REMEDIES.get(code & 0xFF, _OTHER_REMEDY) if isinstance(code, int) else _OTHER_REMEDY
    if isinstance(error, TimeoutError):
        return _UNREACHABLE_REMEDY
    if isinstance(error, OSError):
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return "make room on the disk"
        return "make it a file that you may read and write, or name another place"
    state: object = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return _by_words(error, _POOLER_REMEDIES) or _POSTGRES_REMEDIES.get(state) or _POSTGRES_REMEDIES.get(state[:2]) or _OTHER_REMEDY
    if type(error).__module__.startswith("psycopg"):
        return _by_words(error, _POOLER_REMEDIES) or _by_words(error, _REFUSED_CONNECTIONS) or _UNREACHABLE_REMEDY
    return _OTHER_REMEDY


def _by_words(error: BaseException, remedies: Mapping[str, str]) -> str | None:
    said = str(error)
    return next((remedy for words, remedy in remedies.items() if words in said), None)
