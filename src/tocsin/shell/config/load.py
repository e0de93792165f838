"""The configuration of this process: the environment first, then the project's file, then the user's, then the defaults.

What cannot be used is left out, with a fault; the rest counts all the same. A bad file never stops a program, nor a notification.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import attrs

from tocsin.core.config.configuration import Configuration
from tocsin.core.config.environment import environment
from tocsin.core.config.faults import Fault
from tocsin.core.config.halves import without_halves
from tocsin.core.config.layers import Layer
from tocsin.core.config.merge import merge
from tocsin.shell.config.files import Place, places, read


@attrs.frozen
class Loaded:
    """What there is to be used, what is not, and the files that were looked at, the strongest first."""

    configuration: Configuration
    faults: tuple[Fault, ...]
    places: tuple[Place, ...]


def loaded(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Loaded:
    """The configuration out of all places, ``options`` before all of them. Raises nothing."""
    variables, faults = environment(environ)
    found = places(environ, cwd)
    files = tuple(read(place) for place in found)
    layers = tuple(file for file in files if isinstance(file, Layer))
    strongest = () if options is None else (options,)
    wrong = tuple(file for file in files if isinstance(file, Fault))
    config, halves = without_halves(merge(*strongest, variables, *layers))
    return Loaded(config, (*faults, *wrong, *halves), found)


def load(environ: Mapping[str, str], cwd: Path | None, options: Layer | None = None) -> Configuration | tuple[Fault, ...]:
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
