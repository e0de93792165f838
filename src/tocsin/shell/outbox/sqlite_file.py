"""Connections to the SQLite file of an outbox, in a mode in which a commit is on the disk when it returns.

- The mode is a write-ahead log with ``synchronous=FULL``. A file system may not support it: then the mode is a rollback journal with
  ``synchronous=EXTRA``. Both settings are read back, and a real write shows whether they work.
- On a network file system the write-ahead log is not tried. All writers must share memory, so it may seem to work there and does not.
  Only Linux tells the type of a file system; on other systems the log is tried.
- The file is created with mode 0600, a folder created for it with mode 0700. An existing file or folder keeps its permissions.
- Only SQLite opens an existing file: closing another file descriptor of it would drop the locks that SQLite holds.
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

from tocsin.shell.errors import OutboxError
from tocsin.shell.outbox.errors import newer_schema_error

_MOUNT_TABLE = Path("/proc/self/mountinfo")
_NETWORK_TYPES = re.compile(
    r"(nfs4?|cifs|smb[23]?|smbfs|9p|afs|ceph|lustre|gfs2|ocfs2|gpfs|beegfs|fuse\.(sshfs|glusterfs|s3fs|ceph|juicefs|rclone).*)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")

_MODES = (("wal", "FULL", 2), ("delete", "EXTRA", 3))  # the last is the number that SQLite answers for synchronous
_UNSUPPORTED = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM})
_CONNECTION_CLASS = sqlite3.Connection
_RETRY_PAUSE = 0.02  # seconds between two attempts to open a file that another process is creating
_JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024  # bytes to which the file of the write-ahead log is cut after a checkpoint


def on_network(path: Path) -> bool:
    """Whether the path is known to be on a network file system."""
    table = ""
    with suppress(OSError, ValueError):
        table = _MOUNT_TABLE.read_text()
    return _NETWORK_TYPES.fullmatch(file_system(path.resolve(), table)) is not None


def file_system(path: Path, table: str) -> str:
    """Return the type of the file system of an absolute path, by the text of ``/proc/self/mountinfo``; "" if it is unknown.

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
        if path.is_relative_to(mounted) and len(mounted.parts) >= depth:  # a later mount on the same path hides the earlier one
            found, depth = kinds[0], len(mounted.parts)
    return found


@attrs.frozen
class File:
    """The file of an outbox.

    Args:
        path: absolute.
        vfs: the name of the SQLite VFS that opens the file; None for the default one.
    """

    path: str
    vfs: str | None = None

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode, which differ once the file was replaced; None if there is no file."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - os.stat is faster, and this runs before each write
        except OSError:
            return None
        return found.st_dev, found.st_ino


def connect(file: File, busy: float, known: int) -> sqlite3.Connection:
    """Connect to the file, in a mode in which no commit is lost. The file is created if it does not exist.

    Args:
        file: the file.
        busy: seconds to wait while other processes hold the file.
        known: the newest known version of the schema; a file with a newer one is left as it is.

    Raises:
        OSError, sqlite3.Error: the file cannot be created or opened.
        OutboxError: neither mode works, or the schema is newer than ``known``.
    """
    _make(Path(file.path))
    deadline = time.monotonic() + busy
    while True:
        try:
            return _open(file, busy, known)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY_PAUSE)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise OutboxError(f"the outbox at {path} is not a file: move it away, or name another place")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    if sys.platform == "win32":  # pragma: no cover - Windows cannot open a folder
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # otherwise a power failure may lose the directory entry of the file
    finally:
        os.close(folder)


def _open(file: File, busy: float, known: int) -> sqlite3.Connection:
    options = "mode=rw" if file.vfs is None else f"mode=rw&vfs={quote(file.vfs)}"
    url = f"file:{quote(file.path)}?{options}"
    connection = sqlite3.connect(url, uri=True, timeout=busy, isolation_level=None, check_same_thread=False, factory=_CONNECTION_CLASS)
    try:
        version = _version(connection)
        if version > known:
            raise newer_schema_error(file.path, version, known)
        _pragma(connection, "auto_vacuum = INCREMENTAL")  # takes effect in a new file only
        _set_mode(connection, file.path)
        _pragma(connection, f"journal_size_limit = {_JOURNAL_SIZE_LIMIT}")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of the schema; 0 if there is no schema."""
    has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox_version'").fetchone()
    found: tuple[object] | None = connection.execute("SELECT max(version) FROM outbox_version").fetchone() if has_table else None
    return found[0] if found and isinstance(found[0], int) else 0


def _set_mode(connection: sqlite3.Connection, path: str) -> None:
    """Set the first mode that works."""
    reason = ""
    for journal, synchronous, level in _MODES[on_network(Path(path)) :]:
        try:
            found = _pragma(connection, f"journal_mode = {journal}")
            if found != journal:
                reason = f"its journal is {found}, and cannot be made {journal}"
                continue
            _pragma(connection, f"synchronous = {synchronous}")
            if _pragma(connection, "synchronous") != level:
                reason = f"synchronous cannot be made {synchronous}"
                continue
            _probe(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _UNSUPPORTED:
                raise
            reason = f"{error} ({error.sqlite_errorname})"
        else:
            return
    raise OutboxError(f"the outbox at {path} cannot be kept safely there: {reason}; name a place on a disk of this machine")


def _probe(connection: sqlite3.Connection) -> None:
    """Test the mode by a real write that changes nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {_pragma(connection, 'user_version')}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()  # the connection is used again, in the next mode
        raise


def _pragma(connection: sqlite3.Connection, pragma: str) -> object:
    """Execute a pragma and return the answer of SQLite."""
    found: tuple[object] | None = connection.execute(f"PRAGMA {pragma}").fetchone()
    return None if found is None else found[0]
