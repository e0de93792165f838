"""Files that hold secrets: read whole, never quoted. Only a file is read, behind links too: a pipe would keep us waiting.

The user's ``secrets.toml`` is refused where others can read it, or where it is somebody else's: what it holds may be known to
them. That is asked of the open file, not of its name, which could mean another file a moment later.
"""

import os
import re
import stat
import sys
import tomllib
from pathlib import Path
from typing import BinaryIO

from tocsin.core.outcomes import Rejected

_LONGEST = 1 << 20  # bytes
_LINE = re.compile(r"at line (\d+)")


def secrets_file() -> Path:
    """The user's own file of secrets: ``NAME = "value"``, one a line."""
    from platformdirs import user_config_dir

    return Path(user_config_dir("tocsin", appauthor=False)) / "secrets.toml"


def read_file(path: Path, name: str, called: str) -> str | Rejected:
    """The text of a file; Rejected where it cannot be read. ``called`` is what to call it."""
    try:
        with _opened(path) as file:
            if _is_file(file):
                return file.read(_LONGEST).decode("utf-8-sig")
    except OSError as error:
        return Rejected(f"{called} cannot be read for the secret {name!r}: {error.strerror}", name)
    except ValueError:
        return Rejected(f"{called} is not UTF-8 text, so the secret {name!r} cannot be read", name)
    return Rejected(f"{called} is a pipe or the like, not a file: write the secret {name!r} into a file, and name that", name)


def read_toml(path: Path, name: str) -> str | Rejected | None:
    """The value of ``name`` in a TOML file; None where the file or the value is not there."""
    try:
        with _opened(path) as file:
            user = None if sys.platform == "win32" else os.geteuid()
            fault = exposed(os.fstat(file.fileno()), user) if _is_file(file) else "it is not a file"
            content = b"" if fault else file.read(_LONGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Rejected(f"{path} cannot be read: {error.strerror}", name)
    return Rejected(f"{path} is refused: {fault.format(path)}", name) if fault else _value(content, path, name)


def exposed(status: os.stat_result, user: int | None) -> str | None:
    """Why the file is not ours alone, with the remedy (``{}`` for its path); None where it is, or nobody can tell."""
    if user is None:
        return None
    if status.st_uid != user:
        return "it belongs to another user: chown it to yourself, or write one of your own"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return "others can read it: chmod 600 {}"
    return None


def _opened(path: Path) -> BinaryIO:
    return open(path, "rb", opener=_at_once)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for somebody at the other end, and without taking a terminal over."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _is_file(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _value(content: bytes, path: Path, name: str) -> str | Rejected | None:
    try:
        value = tomllib.loads(content.decode("utf-8-sig")).get(name)
    except UnicodeDecodeError:
        return Rejected(f"{path} is not UTF-8 text", name)
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))  # the rest of what it says may quote the file
        return Rejected(f"{path} is not valid TOML{f', line {line[1]}' if line else ', at its end'}", name)
    except (ValueError, RecursionError):
        return Rejected(f"{path} is not valid TOML: a number in it is too long, or brackets nest too deep", name)
    if value is None or isinstance(value, str):
        return value
    return Rejected(f"the value of {name} in {path} is not a text in quotes", name)
