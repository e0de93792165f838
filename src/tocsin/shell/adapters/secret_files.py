"""Reads files that hold secrets.

- Error messages never quote the content.
- Only regular files are read, also through links: reading a pipe would block.
- The user's ``secrets.toml`` is refused if other users can read it, or if it belongs to another user, who may then know the secrets.
- Owner and mode are checked on the open file, not on its path: the path could name another file a moment later.
"""

import os
import re
import stat
import sys
import tomllib
from pathlib import Path
from typing import BinaryIO

from tocsin.core.outcomes import Rejected

_MAX_BYTES = 1 << 20
_LINE = re.compile(r"at line (\d+)")


def secrets_file() -> Path | None:
    """Return the path of the user's file of secrets, which holds lines of ``NAME = "value"``; None if the user has no home folder.

    In a container a program often runs as a user that no list names, without HOME. It is told what it must know by its environment.
    """
    try:
        path = Path(_config_folder()) / "secrets.toml"
    except (OSError, RuntimeError):
        return None
    return path if path.is_absolute() else None  # some releases return a path that begins with ~


def _config_folder() -> str:
    home, base = os.environ.get("HOME", ""), os.environ.get("XDG_CONFIG_HOME", "")
    if sys.platform == "linux" and home.startswith("/") and (not base or base.startswith("/")):
        base = base or f"{home.rstrip('/')}/.config"
        return f"{base}/tocsin"  # as platformdirs has it, which takes longer to load
    from platformdirs import user_config_dir

    return user_config_dir("tocsin", appauthor=False)


def read_file(path: Path, name: str, called: str) -> str | Rejected:
    """Read the text of a file, or return Rejected. ``called`` is the name of the file in messages."""
    try:
        with _open(path) as file:
            if _is_file(file):
                return file.read(_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        return Rejected(f"{called} cannot be read for the secret {name!r}: {error.strerror}", name)
    except ValueError:
        return Rejected(f"{called} is not UTF-8 text, so the secret {name!r} cannot be read", name)
    return Rejected(f"{called} is a pipe or the like, not a file: write the secret {name!r} into a file, and name that", name)


def read_user_file(name: str) -> str | Rejected | None:
    """Read the value of ``name`` from the user's file of secrets; None if the file or the value does not exist."""
    path = secrets_file()
    return None if path is None else read_toml(path, name)


def read_toml(path: Path, name: str) -> str | Rejected | None:
    """Read the value of ``name`` from a TOML file; None if the file or the value does not exist."""
    try:
        with _open(path) as file:
            user = None if sys.platform == "win32" else os.geteuid()
            fault = exposed(os.fstat(file.fileno()), user) if _is_file(file) else "it is not a file"
            content = b"" if fault else file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Rejected(f"{path} cannot be read: {error.strerror}", name)
    return Rejected(f"{path} is refused: {fault.format(path)}", name) if fault else _value(content, path, name)


def exposed(status: os.stat_result, user: int | None) -> str | None:
    """Return why other users may know the file's content, with the remedy (``{}`` stands for its path).

    Return None if only ``user`` can read it, or if ``user`` is None because the system has no user ids.
    """
    if user is None:
        return None
    if status.st_uid != user:
        return "it belongs to another user: chown it to yourself, or write one of your own"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return "others can read it: chmod 600 {}"
    return None


def _open(path: Path) -> BinaryIO:
    return open(path, "rb", opener=_without_blocking)


def _without_blocking(path: str, flags: int) -> int:
    """Open without waiting for the writer of a pipe, and without acquiring a controlling terminal."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _is_file(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _value(content: bytes, path: Path, name: str) -> str | Rejected | None:
    try:
        value = tomllib.loads(content.decode("utf-8-sig")).get(name)
    except UnicodeDecodeError:
        return Rejected(f"{path} is not UTF-8 text", name)
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))  # the rest of the message may quote the file
        return Rejected(f"{path} is not valid TOML{f', line {line[1]}' if line else ', at its end'}", name)
    except (ValueError, RecursionError):
        return Rejected(f"{path} is not valid TOML: a number in it is too long, or brackets nest too deep", name)
    if value is None or isinstance(value, str):
        return value
    return Rejected(f"the value of {name} in {path} is not a text in quotes", name)
