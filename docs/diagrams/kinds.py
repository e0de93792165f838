"""The class diagram: every kind of state under its parent, with the fields that it adds."""

import attrs
from docs.diagrams.style import HEAD, ink

from tocsin.core.states import KINDS, State


def classes() -> str:
    """The class diagram, as DOT text: every kind under its parent, with the fields that it adds."""
    nodes = (
        f'  "{kind.__name__}" [fillcolor="{kind.color}", fontcolor="{ink(kind.color)}", label=<{_label(kind)}>];' for kind in KINDS
    )
    arrows = (f'  "{parent(kind).__name__}" -> "{kind.__name__}" [dir=back, arrowtail=empty];' for kind in KINDS if kind is not State)
    return "\n".join(["digraph classes {", HEAD.format(ranksep=0.7), *nodes, *arrows, "}"]) + "\n"


def parent(kind: type[State]) -> type[State]:
    """The kind directly above."""
    return next(base for base in kind.__mro__[1:] if base in KINDS)


def own_fields(kind: type[State]) -> tuple[str, ...]:
    """The fields that a kind adds to those of its parent."""
    above = () if kind is State else tuple(field.name for field in attrs.fields(parent(kind)))
    return tuple(field.name for field in attrs.fields(kind) if field.name not in above)


def _label(kind: type[State]) -> str:
    rows = "".join(f'<br/><font point-size="12">{name}</font>' for name in own_fields(kind))
    return f"<b>{kind.__name__}</b>{rows}"
