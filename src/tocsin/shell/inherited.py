"""What this process was told to do with notifications, and what it tells its children: the variable ``TOCSIN_NOTIFY``.

A dry run must stay dry in the processes that it starts. They share no memory with us, but they inherit the environment: while
an interpreter other than a live one is in force, the variable says ``print`` or ``none``. What came from outside always wins
over what we set ourselves, and is what ``override`` answers with: our own value is for our children only.
"""

import os
from typing import Literal

from tocsin.shell.interpreters.protocol import Notify

NAME = "TOCSIN_NOTIFY"

_ours: list[str] = []  # the value that we set last, if it is still ours
_before: list[str] = []  # the value that it stands in place of, if there was one


def override() -> Literal["print", "none"] | None:
    """What the environment asks of every live interpreter of this process; a word that it does not know silences them."""
    value = os.environ.get(NAME)
    if _ours and value == _ours[0]:
        value = _before[0] if _before else None
    if value is None or value in {"", "live"}:
        return None
    return "print" if value == "print" else "none"


def bequeath(notify: Notify) -> None:
    """Tell the processes that are started from now on."""
    _restore()
    if notify == "live" or override() is not None:
        return
    _before[:] = [os.environ[NAME]] if NAME in os.environ else []
    _ours[:] = [notify]
    os.environ[NAME] = notify


def _restore() -> None:
    if _ours and os.environ.get(NAME) == _ours[0]:
        os.environ.pop(NAME)
        for value in _before:
            os.environ[NAME] = value
    _ours.clear()
    _before.clear()
