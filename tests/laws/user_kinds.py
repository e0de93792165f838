"""Users' kinds of states: a subclass of each kind of tocsin, and one with its own field."""

import attrs

from tocsin import Failed, State
from tocsin.core.states import KINDS


@attrs.frozen(eq=False, repr=False)
class Broke(Failed):
    """A failure with its own field."""

    budget: int = attrs.field(default=0, kw_only=True)


def _below(kind: type[State]) -> type[State]:
    return type(f"My{kind.__name__}", (kind,), {"__slots__": (), "__module__": __name__})


OWN: dict[type[State], type[State]] = {kind: _below(kind) for kind in KINDS}
"""Each subclass, by its parent."""

globals().update({kind.__name__: kind for kind in OWN.values()})  # where pickle looks for them

EVERY: tuple[type[State], ...] = (*KINDS, *OWN.values(), Broke)
