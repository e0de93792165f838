"""What one place sets: a file, the environment, the options of a command. The values are as they were written, and were checked."""

from collections.abc import Mapping

import attrs

from tocsin.core.config.faults import Fault
from tocsin.core.config.keys import KEYS, Key
from tocsin.core.config.takes import Wrong
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Setting(Value):
    """A value as it was written, and where: ``FILE:LINE``, ``environment variable NAME``."""

    value: object = attrs.field(repr=False)
    origin: str


@attrs.frozen(eq=False, repr=False)
class Layer(Value):
    """What one place sets, by the names of the keys."""

    settings: Mapping[str, Setting] = attrs.field(factory=dict[str, Setting], hash=False)


def given(values: Mapping[str, object], origin: str = "option") -> Layer | Fault:
    """What code sets, or the options of a command; None leaves a key alone.

    >>> given({"only": ["Failed"], "ignore": None})
    Layer(settings={'only': Setting(origin='option')})
    >>> print(given({"only": "Failed"}, "option --only"))
    option --only: only: takes a list of names of states; write only = ["Failed", "Retrying"]
    """
    settings: dict[str, Setting] = {}
    for name, value in values.items():
        if value is not None:
            fault = checked(KEYS[name], value, origin)
            if fault is not None:
                return fault
            settings[name] = Setting(value, origin)
    return Layer(settings)


def checked(key: Key[object], value: object, where: str) -> Fault | None:
    """What is wrong with a value for a key, as TOML has it."""
    taken = key.takes.check(value)
    write = f"write {key.path[-1]} = {key.takes.example}"
    return Fault(where, f"{key.name}: {taken.what}", taken.write or write) if isinstance(taken, Wrong) else None
