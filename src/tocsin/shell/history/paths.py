"""Where the journal lies: ``$TOCSIN_STATE_DIR``, else the folder that the platform sets aside for a program's state.

``platformdirs`` gives the same answer, and takes longer to load than a command may wait for its start; so the rule stands here once
more. A relative path is ignored in ``XDG_STATE_HOME``, as its specification asks, and in ``HOME``.
"""

import os
import sys

NAME = "TOCSIN_STATE_DIR"


def state_folder() -> str:
    """The absolute path of the folder, which need not exist.

    Raises:
        OSError: the user has no home, and nothing else says where.
    """
    given = os.environ.get(NAME)
    return os.path.abspath(given) if given else _native()  # noqa: PTH100 - pathlib takes long to load


def _native() -> str:
    if sys.platform == "win32":  # pragma: no cover - there, nothing is so fast that it would matter
        from platformdirs import user_state_dir

        return user_state_dir("tocsin", appauthor=False)
    base = os.environ.get("XDG_STATE_HOME", "")
    return f"{base if base.startswith('/') else f'{_home()}/{state_of(sys.platform)}'}/tocsin"


def state_of(platform: str) -> str:
    """The folder under a home where programs keep their state on a platform of Unix."""
    return "Library/Application Support" if platform == "darwin" else ".local/state"


def _home() -> str:
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        return home.rstrip("/")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir.rstrip("/")
    except KeyError:
        raise OSError(0, "this user has no home folder") from None
