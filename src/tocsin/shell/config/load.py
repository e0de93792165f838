"""The files of the configuration: where they lie, and what is in them.

- The project's is the nearest ``tocsin.toml``, from the current folder upwards, or the one that ``TOCSIN_CONFIG`` names.
- The user's lies beside ``secrets.toml``.
- One that belongs to another user, and not to root, was put there by somebody: it is refused, unless it was named expressly.
- Only a file is read: a pipe would keep us waiting.

The configuration of this process: the environment first, then the project's file, then the user's, then the defaults.

What cannot be used is left out, with a fault; the rest counts all the same. A bad file never stops a program, nor a notification.
"""

import os
import stat
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import attrs

from tocsin.core.config.merging import Layer, drop_incomplete, merge
from tocsin.core.config.parsing import LONGEST, environment, parse
from tocsin.core.config.problems import Problem
from tocsin.core.config.schema import Configuration

NAME = "tocsin.toml"
VARIABLE = "TOCSIN_CONFIG"


@attrs.frozen
class Place:
    """A file that may be there: ``named`` is one that must be, ``project`` one that may not set all."""

    path: Path
    project: bool
    named: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is something, as far as one may look."""
        return os.path.exists(self.path)  # noqa: PTH110 - which raises nothing where the name is too long, or a folder locked


def places(variables: Mapping[str, str], folder: Path | None) -> tuple[Place, ...]:
    """The files that count, the strongest first; ``folder`` is where the search begins, None where that is gone."""
    from tocsin.shell.adapters.secret_files import secrets_file

    own = Place(secrets_file().with_name(NAME), project=False)
    named = variables.get(VARIABLE)
    if named:
        return Place(Path(named), project=True, named=True), own
    upwards = () if folder is None else (folder, *folder.parents)
    nearest = next((path for path in (each / NAME for each in upwards) if _is_there(path)), None)
    return (own,) if nearest is None or nearest == own.path else (Place(nearest, project=True), own)


def read(place: Place) -> Layer | Problem:
    """What a file sets, or what is wrong with it; a file that need not be there, and is not, sets nothing. Raises nothing."""
    try:
        content = _content(place)
    except OSError as error:
        return _unread(place, error)
    return content if isinstance(content, Problem) else parse(content, str(place.path), project=place.project)


def _content(place: Place) -> bytes | Problem:
    descriptor = os.open(place.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        fault = refusal(place, os.fstat(descriptor), None if sys.platform == "win32" else os.geteuid())
        return os.read(descriptor, LONGEST + 1) if fault is None else fault
    finally:
        os.close(descriptor)


def _is_there(path: Path) -> bool:
    """Whether something is there; a folder above that may not be looked into holds nothing of ours."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _unread(place: Place, error: OSError) -> Layer | Problem:
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not place.named:
        return Layer()
    remedy = f"correct {VARIABLE}" if place.named else "make it readable, or remove it"
    return Problem(str(place.path), f"it cannot be read: {error.strerror}", remedy)


def refusal(place: Place, status: os.stat_result, user: int | None) -> Problem | None:
    """Why an open file is not to be read; where nobody can tell whose it is, it may be anybody's."""
    path = str(place.path)
    if not stat.S_ISREG(status.st_mode):
        return Problem(path, "it is not a file", f"put a file there, or name another in {VARIABLE}")
    if user is None or place.named:
        return None
    if status.st_uid not in {0, user}:
        return Problem(path, "it belongs to another user", f"chown it to yourself, or name it in {VARIABLE}")
    if not place.project and status.st_mode & stat.S_IWOTH:
        return Problem(path, "everybody may write to it", f"chmod o-w {path}")
    return None


@attrs.frozen
class Loaded:
    """What there is to be used, what is not, and the files that were looked at, the strongest first."""

    configuration: Configuration
    faults: tuple[Problem, ...]
    places: tuple[Place, ...]


def loaded(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Loaded:
    """The configuration out of all places, ``options`` before all of them. Raises nothing."""
    variables, faults = environment(environ)
    found = places(environ, cwd)
    files = tuple(read(place) for place in found)
    layers = tuple(file for file in files if isinstance(file, Layer))
    strongest = () if options is None else (options,)
    wrong = tuple(file for file in files if isinstance(file, Problem))
    config, halves = drop_incomplete(merge(*strongest, variables, *layers))
    return Loaded(config, (*faults, *wrong, *halves), found)


def load(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Configuration | tuple[Problem, ...]:
    """The configuration; where anything is wrong with it, what that is."""
    found = loaded(environ, cwd, options)
    return found.faults or found.configuration


@cache
def configuration() -> Configuration:
    """The configuration of this process, read once; of what is wrong with it the log says so, once. Raises nothing."""
    from tocsin.shell.log import once

    found = loaded(os.environ, here())
    for fault in found.faults:
        once(f"{fault} (this file, variable or setting is left out)")
    return found.configuration


def here() -> Path | None:
    """The current folder; None where it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None
