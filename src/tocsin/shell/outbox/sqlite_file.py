"""Whether a path is on a file system that other machines may have too. There, SQLite's write-ahead log may seem to work, and does not:
it needs memory that all who write share. Linux tells; of other systems we know nothing, and the log is tried.

A connection to the file of an outbox in which what is committed is on the disk: no SQL of ours is here but what asks for that.

- A write-ahead log with ``synchronous=FULL``; where the file system cannot do that, as those on a network cannot, a rollback journal
  with ``EXTRA``. Both are read back, and a real write shows whether they work.
- The file is ours alone (0600), and so is a folder that is made for it (0700). What is there already keeps its permissions.
- Nobody here ever opens the file but SQLite: to close it would drop the locks that SQLite holds on it.
"""

import os
import re
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import attrs

from tocsin.shell.outbox.errors import OutboxError, newer_schema_error

_TABLE = Path("/proc/self/mountinfo")
_REMOTE = re.compile(
    r"(nfs4?|cifs|smb[23]?|smbfs|9p|afs|ceph|lustre|gfs2|ocfs2|gpfs|beegfs|fuse\.(sshfs|glusterfs|s3fs|ceph|juicefs|rclone).*)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def on_network(path: Path) -> bool:
    """Whether the path is known to be on such a file system."""
    table = ""
    with suppress(OSError, ValueError):
        table = _TABLE.read_text()
    return _REMOTE.fullmatch(file_system(path.resolve(), table)) is not None


def file_system(path: Path, table: str) -> str:
    """The kind of file system that an absolute path is on, by the table of mounts in ``/proc/self/mountinfo``; "" if that does not say.

    >>> file_system(Path("/srv/a b/c"), "36 35 98:0 / / rw - ext4 /dev/vda rw\\n40 36 0:5 / /srv/a\\\\040b rw shared:1 - nfs4 nas:/ rw")
    'nfs4'
    """
    found, depth = "", -1
    for line in table.splitlines():
        place, _, kind = line.partition(" - ")
        columns, kinds = place.split(" "), kind.split(" ")
        if len(columns) < 5:
            continue
        mounted = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), columns[4]))
        if path.is_relative_to(mounted) and len(mounted.parts) >= depth:  # of two in one place, the later hides the earlier
            found, depth = kinds[0], len(mounted.parts)
    return found


_MODES = (("wal", "FULL", 2), ("delete", "EXTRA", 3))
_UNABLE = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM})
_KIND = sqlite3.Connection
_NAP = 0.02  # seconds between two tries to open what another process is about to make
_LOG = 64 * 1024 * 1024  # bytes that the write-ahead log keeps of what it once needed


@attrs.frozen
class File:
    """Where an outbox is: its absolute path, and what SQLite is to open it with, if not its own."""

    path: str
    vfs: str | None = None

    @property
    def identity(self) -> tuple[int, int] | None:
        """Another one where the file is another one; None where there is none."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - asked for before each write
        except OSError:
            return None
        return found.st_dev, found.st_ino


def connected(file: File, busy: float, known: int) -> sqlite3.Connection:
    """A connection, in a mode that loses nothing.

    Args:
        file: where.
        busy: for how many seconds others may hold the file.
        known: the version of the schema that we know; a file of a newer one is left as it is.

    Raises:
        OSError, sqlite3.Error: it cannot be had.
        OutboxError: neither mode works, or it is of a newer version.
    """
    _make(Path(file.path))
    until = time.monotonic() + busy
    while True:
        try:
            return _opened(file, busy, known)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(_NAP)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise OutboxError(f"the outbox at {path} is no file: move it away, or name another place")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    if sys.platform == "win32":  # pragma: no cover - there, a folder cannot be opened
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else the file might be gone after the power was
    finally:
        os.close(folder)


def _opened(file: File, busy: float, known: int) -> sqlite3.Connection:
    options = "mode=rw" if file.vfs is None else f"mode=rw&vfs={quote(file.vfs)}"
    url = f"file:{quote(file.path)}?{options}"
    connection = sqlite3.connect(url, uri=True, timeout=busy, isolation_level=None, check_same_thread=False, factory=_KIND)
    try:
        version = _version(connection)
        if version > known:
            raise newer_schema_error(file.path, version, known)
        _set(connection, "auto_vacuum = INCREMENTAL")  # of a new file
        _settle(connection, file.path)
        _set(connection, f"journal_size_limit = {_LOG}")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """The version of the schema; 0 where there is none."""
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox_version'").fetchone()
    found: tuple[object] | None = connection.execute("SELECT max(version) FROM outbox_version").fetchone() if there else None
    return found[0] if found and isinstance(found[0], int) else 0


def _settle(connection: sqlite3.Connection, path: str) -> None:
    """Find the mode that works."""
    why = ""
    for journal, synchronous, level in _MODES[on_network(Path(path)) :]:
        try:
            found = _set(connection, f"journal_mode = {journal}")
            if found != journal:
                why = f"its journal is {found}, and cannot be made {journal}"
                continue
            _set(connection, f"synchronous = {synchronous}")
            if _set(connection, "synchronous") != level:
                why = f"synchronous cannot be made {synchronous}"
                continue
            _probe(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _UNABLE:
                raise
            why = f"{error} ({error.sqlite_errorname})"
        else:
            return
    raise OutboxError(f"the outbox at {path} cannot be kept safely there: {why}; name a place on a disk of this machine")


def _probe(connection: sqlite3.Connection) -> None:
    """A real write that changes nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {_set(connection, 'user_version')}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()  # it may be used in another mode
        raise


def _set(connection: sqlite3.Connection, pragma: str) -> object:
    """What SQLite answers to a pragma."""
    found: tuple[object] | None = connection.execute(f"PRAGMA {pragma}").fetchone()
    return None if found is None else found[0]
