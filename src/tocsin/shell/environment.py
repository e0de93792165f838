"""What this process was told to do with notifications, and what it tells its children: the variable ``TOCSIN_NOTIFY``.

A dry run must stay dry in the processes that it starts. They share no memory with us, but they inherit the environment: while
an interpreter other than a live one is in force, the variable says ``print`` or ``none``. What came from outside always wins
over what we set ourselves, and is what ``override`` answers with: our own value is for our children only.

What is true of this process: the host's name, and the environment's as it is configured; and ids that no other run has.
"""

import os
import platform
from functools import cache
from typing import Literal

from tocsin.core.events import Facts
from tocsin.shell.interpreters.base import Notify

NAME = "TOCSIN_NOTIFY"

_ours: tuple[str, str | None] | None = None  # the value that we set, and the one in whose place it stands


def override() -> Literal["print", "none"] | None:
    """What the environment asks of every live interpreter of this process; a word that it does not know silences them."""
    value = _outside()
    if value is None or value in {"", "live"}:
        return None
    return "print" if value == "print" else "none"


def _outside() -> str | None:
    """The value of the variable, unless it is ours: then the one before it."""
    ours, value = _ours, os.environ.get(NAME)
    return ours[1] if ours is not None and value == ours[0] else value


def misspelt() -> str | None:
    """What to say where the environment holds a word that nobody knows; None where it does not."""
    value = _outside() or ""
    return None if value in {"", "live", "print", "none"} else f"{NAME}={value!r} is none of live, print, none"


def bequeath(notify: Notify) -> None:
    """Tell the processes that are started from now on. Called under a lock; readers need none."""
    global _ours  # noqa: PLW0603 - one tuple, so that readers see both halves or neither
    before = _outside()
    if notify != "live" and override() is None:
        _ours = (notify, before)
        os.environ[NAME] = notify
        return
    if _ours is not None and os.environ.get(NAME) == _ours[0]:
        if before is None:
            os.environ.pop(NAME)
        else:
            os.environ[NAME] = before
    _ours = None


def facts() -> Facts:
    """The facts that events are to carry."""
    return Facts(host=platform.node() or None, environment=os.environ.get("TOCSIN_ENV") or _configured())


@cache
def _configured() -> str | None:
    """What the files of the configuration say; they are read once."""
    from tocsin.shell.config.load import configuration

    return configuration().environment


def run_id() -> str:
    """A fresh id: 16 hexadecimal digits, from the operating system's randomness."""
    return os.urandom(8).hex()
