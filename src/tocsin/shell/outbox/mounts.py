"""Whether a path is on a file system that other machines may have too. There, SQLite's write-ahead log may seem to work, and does not:
it needs memory that all who write share. Linux tells; of other systems we know nothing, and the log is tried.
"""

import re
from contextlib import suppress
from pathlib import Path

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
