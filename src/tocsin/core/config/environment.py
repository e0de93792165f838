"""What environment variables set: ``TOCSIN_`` and the key's name in capitals. Lists are separated by commas; an empty variable is none.

A variable that cannot be used is left out, with a fault; the others count. So is one with what looks like a secret: settings are shown.
One that is almost ours is a slip; another may be anybody's.
"""

from collections.abc import Mapping

from tocsin.core.config.faults import Fault
from tocsin.core.config.keys import TABLE
from tocsin.core.config.layers import Layer, Setting
from tocsin.core.config.nearest import nearest
from tocsin.core.config.suspects import WHERE, suspicious_value
from tocsin.core.config.takes import Wrong

_PREFIX = "TOCSIN_"
_OURS = frozenset({"TOCSIN_CONFIG", "TOCSIN_NOTIFY", "TOCSIN_STATE_DIR", *(key.variable for key in TABLE)})
_ENDS = sorted(name.removeprefix(_PREFIX) for name in _OURS)


def environment(variables: Mapping[str, str]) -> tuple[Layer, tuple[Fault, ...]]:
    """The layer that the variables make, and what is wrong with them.

    >>> layer, faults = environment({"TOCSIN_ONLY": "Failed", "TOCSIN_SLACK_DEADLINE": "soon"})
    >>> layer
    Layer(settings={'only': Setting(origin='environment variable TOCSIN_ONLY')})
    >>> print(*faults)
    TOCSIN_SLACK_DEADLINE: takes a number of seconds greater than 0; write TOCSIN_SLACK_DEADLINE=30
    """
    settings: dict[str, Setting] = {}
    faults: list[Fault] = []
    for key in TABLE:
        text = variables.get(key.variable, "").strip()
        value = key.takes.read(text) if text else None
        taken = key.takes.check(value) if text else None
        if isinstance(taken, Wrong):
            faults.append(Fault(key.variable, taken.what, taken.write or f"write {key.variable}={key.takes.spelt}"))
        elif suspicious_value(value):
            faults.append(Fault(key.variable, "this looks like a secret", WHERE))
        elif text:
            settings[key.name] = Setting(value, f"environment variable {key.variable}")
    return Layer(settings), (*faults, *_slips(variables))


def _slips(variables: Mapping[str, str]) -> tuple[Fault, ...]:
    strange = [name for name in variables if name.startswith(_PREFIX) and name not in _OURS]
    near = ((name, nearest(name.removeprefix(_PREFIX), _ENDS, 0.75)) for name in strange)
    return tuple(Fault(name, "there is no such variable", f"did you mean {_PREFIX}{end}?") for name, end in near if end is not None)
