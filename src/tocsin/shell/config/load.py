"""Finds and reads the configuration files, and merges them with the environment into the configuration of this process.

- The project's file is the nearest ``tocsin.toml`` from the current folder upwards, or the file that ``TOCSIN_CONFIG`` names.
- The user's file is next to ``secrets.toml``.
- Precedence: the environment, the project's file, the user's file, the defaults.
- A file of another user, except root, may have been planted, and one that every user may write to may have been changed: they are
  refused unless ``TOCSIN_CONFIG`` names them.
- Only regular files are read: reading a pipe would block.
- A variable or a file that cannot be used is left out, and all that is wrong with it is reported; the rest applies, and the secrets
  that it names stay hidden. A bad file never stops a program or a notification.
"""

import os
import stat
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import attrs

from tocsin.core.config.kept_names import named_in_file
from tocsin.core.config.merging import Layer, drop_incomplete, merge
from tocsin.core.config.parsing import LONGEST, decoded, environment, parse
from tocsin.core.config.problems import Problem
from tocsin.core.config.schema import Configuration

NAME = "tocsin.toml"
VARIABLE = "TOCSIN_CONFIG"


@attrs.frozen
class Place:
    """A possible configuration file. A ``named`` file must exist; a ``project`` file may not set every key."""

    path: Path
    project: bool
    named: bool = False

    @property
    def exists(self) -> bool:
        """Whether the path exists, as far as this user may look."""
        return os.path.exists(self.path)  # noqa: PTH110 - it does not raise for a name that is too long or a locked folder


def places(variables: Mapping[str, str], folder: Path | None) -> tuple[Place, ...]:
    """Return the configuration files, strongest first. The search starts in ``folder``, which is None if it was removed."""
    from tocsin.shell.adapters.secret_files import secrets_file

    secrets = secrets_file()  # None if the user has no home folder
    own = () if secrets is None else (Place(secrets.with_name(NAME), project=False),)
    named = variables.get(VARIABLE)
    if named:
        return Place(Path(named), project=True, named=True), *own
    upwards = () if folder is None else (folder, *folder.parents)
    nearest = next((path for path in (each / NAME for each in upwards) if _is_there(path)), None)
    return own if nearest is None or nearest in {place.path for place in own} else (Place(nearest, project=True), *own)


def read(place: Place) -> tuple[Layer, tuple[Problem, ...]]:
    """Return what a file sets, and all that is wrong with it. A missing optional file sets nothing. Raises nothing."""
    try:
        content, refused = _content(place)
    except OSError as error:
        return _unreadable(place, error)
    if refused is None:
        return parse(content, str(place.path), project=place.project)
    return Layer(secrets=named_in_file(decoded(content, "")[0], project=True)), (refused,)


def _content(place: Place) -> tuple[bytes, Problem | None]:
    """Return the content, and why the file is refused, or None. Of a refused file, only one of this user's is read."""
    descriptor = os.open(place.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status, user = os.fstat(descriptor), None if sys.platform == "win32" else os.geteuid()
        refused = refusal(place, status, user)
        read_all_the_same = stat.S_ISREG(status.st_mode) and status.st_uid in {0, user}  # for the names of its secrets
        return os.read(descriptor, LONGEST + 1) if refused is None or read_all_the_same else b"", refused
    finally:
        os.close(descriptor)


def _is_there(path: Path) -> bool:
    """Whether the path exists. In a folder that this user may not search, it counts as missing."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _unreadable(place: Place, error: OSError) -> tuple[Layer, tuple[Problem, ...]]:
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not place.named:
        return Layer(), ()
    remedy = f"correct {VARIABLE}" if place.named else "make it readable, or remove it"
    return Layer(), (Problem(str(place.path), f"it cannot be read: {error.strerror}", remedy),)


def refusal(place: Place, status: os.stat_result, user: int | None) -> Problem | None:
    """Return why an open file is refused, or None. Owner and mode are not checked if ``user`` is None (no user ids)."""
    path = str(place.path)
    if not stat.S_ISREG(status.st_mode):
        return Problem(path, "it is not a file", f"put a file there, or name another in {VARIABLE}")
    if user is None or place.named:
        return None
    if status.st_uid not in {0, user}:
        return Problem(path, "it belongs to another user", f"chown it to yourself, or name it in {VARIABLE}")
    if status.st_mode & stat.S_IWOTH:
        return Problem(path, "every user may write to it", f"chmod o-w {path}")
    return None


@attrs.frozen
class Loaded:
    """The configuration, the problems found on the way, and the files considered, strongest first."""

    configuration: Configuration
    problems: tuple[Problem, ...]
    places: tuple[Place, ...]


def loaded(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Loaded:
    """Merge the configuration from ``options`` (strongest), environment, files and defaults. Raises nothing."""
    variables, invalid_variables = environment(environ)
    found = places(environ, cwd)
    files = tuple(read(place) for place in found)
    strongest = () if options is None else (options,)
    config, incomplete = drop_incomplete(merge(*strongest, variables, *(layer for layer, _ in files)))
    invalid_files = (problem for _, problems in files for problem in problems)
    return Loaded(config, (*invalid_variables, *invalid_files, *incomplete), found)


def load(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Configuration | tuple[Problem, ...]:
    """Return the configuration, or its problems if there are any."""
    found = loaded(environ, cwd, options)
    return found.problems or found.configuration


@cache
def configuration() -> Configuration:
    """Return the configuration of this process, which is read once. Problems are logged once. Raises nothing."""
    from tocsin.shell.log import once

    found = loaded(os.environ, here())
    for problem in found.problems:
        once(f"{problem} (this file, variable or setting is left out)")
    return found.configuration


def here() -> Path | None:
    """Return the current folder; None if it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None
