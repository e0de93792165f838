"""Reads the file of ``--env-file`` as ``docker run --env-file`` does (Docker CLI 28, ``pkg/kvfile``).

- A line is ``NAME=VALUE``. The value is everything behind the first ``=``: quotes, ``#``, ``$`` and white space are part of it.
- ``NAME`` alone takes the value from tocsin's environment; if there is none, the line has no effect.
- White space before a name, empty lines, lines that begin with ``#``, a byte order mark, and a carriage return at the end are skipped.
- The last line of a name counts. The file is UTF-8.
- An error names the file and the line, and quotes nothing of the line, which may be a secret.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SIZE = 1 << 20  # bytes
_BOM = b"\xef\xbb\xbf"
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


class EnvFileError(Exception):
    """The file cannot be read, or one of its lines is none of those allowed."""


def read_env_file(path: str) -> dict[str, str]:
    """Return the variables in a file. A pipe is read to its end.

    Raises:
        EnvFileError: the file cannot be read, or a line is wrong.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib takes long to load
            content = _read(file.fileno())
    except OSError as error:
        raise EnvFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # a zero byte in the path
        raise EnvFileError(f"{path} cannot be read: it is no path") from None
    if len(content) > MAX_SIZE:
        raise EnvFileError(f"{path} is longer than 1 MiB")
    try:
        return parse_env_file(content, os.environ.get)
    except EnvFileError as error:
        raise EnvFileError(f"{path}, {error}") from None


def _read(file: int) -> bytes:
    content = b""
    while len(content) <= MAX_SIZE and (piece := os.read(file, MAX_SIZE)):
        content += piece
    return content


def parse_env_file(content: bytes, look_up: Callable[[str], str | None]) -> dict[str, str]:
    """Return the variables in the content of a file. ``look_up`` finds the value of a name without one.

    Raises:
        EnvFileError: a line is wrong. The message begins with its number.

    >>> parse_env_file(b"# of the database\\nDB_HOST=db # 1\\nDB_USER\\n", {"DB_USER": "me"}.get)
    {'DB_HOST': 'db # 1', 'DB_USER': 'me'}
    """
    found: dict[str, str] = {}
    for number, raw in enumerate(content.removeprefix(_BOM).split(b"\n"), 1):
        try:
            line = raw.removesuffix(b"\r").decode().lstrip(_SPACE)
        except UnicodeDecodeError:
            raise EnvFileError(f"line {number}: it is not UTF-8") from None
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not name:
            raise EnvFileError(f"line {number}: there is no name before the =")
        if " " in name or "\t" in name:
            raise EnvFileError(f"line {number}: there is white space in the name: write NAME=VALUE")
        if "\0" in line:
            raise EnvFileError(f"line {number}: there is a zero byte in it")
        known = _as_inherited(value) if equals else look_up(name)
        if known is not None:
            found[_as_inherited(name)] = known
    return found


def _as_inherited(text: str) -> str:
    """Return the text as Python shows it in an environment, whatever its locale: the command gets the bytes of the file."""
    return os.fsdecode(text.encode())
