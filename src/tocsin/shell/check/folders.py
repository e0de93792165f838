"""Looks whether files and folders can be written, without a trial."""

import os
from pathlib import Path


def obstacle(folder: Path) -> Path | None:
    """Return what keeps files from being created in a folder: it, or what stands nearest above it; None if nothing does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as made:
    ...     obstacle(Path(made) / "new" / "folder")
    """
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    is_folder = os.path.isdir(nearest)  # noqa: PTH112 - pathlib raises if it may not look
    return None if is_folder and may(nearest, os.W_OK | os.X_OK) else nearest


def may(path: Path, mode: int) -> bool:
    """Return whether the user of this process may do with a file what the flags of ``os.access`` say."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)
