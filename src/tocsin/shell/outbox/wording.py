"""What goes wrong with a database, in one line: what happened, where, and what to do. No password is in it."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tocsin.core.messages.text import cut, describe, one_line
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.outbox.engine import Place
from tocsin.shell.outbox.faults import OutboxFault

_ELSEWHERE = "name another place, by TOCSIN_STATE_DIR or the outbox's URL"
_RENEW = "move it away, and a new one is made; tocsin outbox list --file FILE shows what can be read of the old one"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process holds it all the time: end that one, or try again",
    sqlite3.SQLITE_LOCKED: "another process holds it all the time: end that one, or try again",
    sqlite3.SQLITE_FULL: f"make room on the disk, or {_ELSEWHERE}",
    sqlite3.SQLITE_READONLY: f"make it writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_PERM: f"make it writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"make it a file that you may read and write, or {_ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"look after the disk, or {_ELSEWHERE}",
    sqlite3.SQLITE_PROTOCOL: f"its file system has no locks: {_ELSEWHERE}",
    sqlite3.SQLITE_CORRUPT: _RENEW,
    sqlite3.SQLITE_NOTADB: _RENEW,
}
_SERVER = "look whether the server runs, and whether the URL's host, user, password and database are right"


@contextmanager
def worded(place: Place) -> Generator[None]:
    """Whatever goes wrong inside, as an ``OutboxFault``, without the exceptions that it came from."""
    fault = ""
    try:
        yield
    except OutboxFault as error:
        fault = str(error) if place.shown in str(error) else f"{error}"
    except DBAPIError as error:
        fault = _of_database(error.orig, place)
    except (SQLAlchemyError, sqlite3.Error) as error:
        fault = _of_database(error, place)
    except OSError as error:
        fault = f"cannot be used: {error.strerror or describe(error)}; {_ELSEWHERE}"
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        fault = f"is damaged: {describe(error)}; {_RENEW}"
    if fault:
        raise OutboxFault(cut(one_line(redact(f"the outbox at {place.shown} {fault}")), 500))


def _of_database(error: BaseException | None, place: Place) -> str:
    if isinstance(error, sqlite3.Error):
        return f"cannot be used: {error}; {_REMEDIES.get(getattr(error, 'sqlite_errorcode', 0) & 0xFF, _RENEW)}"
    said = "" if error is None else describe(error)
    return f"cannot be used: {said}; {_RENEW if place.path else _SERVER}"
