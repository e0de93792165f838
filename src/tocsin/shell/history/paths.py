"""The folder of the history: ``$TOCSIN_STATE_DIR``, else the platform's folder for the state of programs.

``platformdirs`` gives the same answer, but takes longer to load than a command may wait for its start, so this file repeats its rule.
A relative path is ignored in ``XDG_STATE_HOME``, as its specification demands, and in ``HOME``.
"""

import os
import sys

NAME = "TOCSIN_STATE_DIR"
EXPECTED = "expected"
"""The name of the folder that is there once a run is expected."""


SILENCES = "silences.sqlite3"
"""The name of the file that is there once somebody has silenced a label."""


class NoFolderError(OSError):
    """The user has no home folder, and no variable names another one."""


def state_folder() -> str:
    """Return the absolute path of the folder, which need not exist.

    Raises:
        NoFolderError: the user has no home folder, and no variable names another one. Many a container has such a user.
    """
    given = os.environ.get(NAME)
    return os.path.abspath(given) if given else _native()  # noqa: PTH100 - pathlib takes long to load


def has_folder() -> bool:
    """Return whether there is a place for the folder."""
    try:
        return bool(state_folder())
    except OSError:  # as below
        return False


def has_expectations() -> bool:
    """Return whether runs may be expected. It costs one look at a folder, and loads nothing."""
    try:
        return os.path.isdir(f"{state_folder()}/{EXPECTED}")  # noqa: PTH112 - as above
    except OSError:  # no home folder, or a relative path in a working folder that is gone
        return False


def has_silences() -> bool:
    """Return whether labels may be silent, or held back. It costs one look at a folder, and loads nothing."""
    try:
        return os.path.exists(f"{state_folder()}/{SILENCES}")  # noqa: PTH110 - as above
    except OSError:  # as above
        return False


def _native() -> str:
    if sys.platform == "win32":  # pragma: no cover - a process starts so slowly there that the import does not matter
        from platformdirs import user_state_dir

        return user_state_dir("tocsin", appauthor=False)
    base = os.environ.get("XDG_STATE_HOME", "")
    return f"{base if base.startswith('/') else f'{_home()}/{state_of(sys.platform)}'}/tocsin"


def state_of(platform: str) -> str:
    """Return the folder for program state under the home folder of a Unix platform."""
    return "Library/Application Support" if platform == "darwin" else ".local/state"


def _home() -> str:
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        return home.rstrip("/")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir.rstrip("/")
    except KeyError:
        raise NoFolderError(0, "this user has no home folder") from None
