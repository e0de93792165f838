"""The state diagram: every row of the table of transitions is an edge, but for what is legal in every state, which is a note.

What is drawn comes from the table. Only where it stands is decided here.
"""

from collections.abc import Iterator, Mapping

from docs.diagrams.style import HEAD, ink

from tocsin.core.events import HandlerRaised, HandlerReplied, HandlerSignalled, Said
from tocsin.core.states import KINDS, State
from tocsin.core.transitions import GIVEN, REFUSED, TABLE

ANSWERS = (HandlerReplied, HandlerSignalled, HandlerRaised)
"""Legal in every state: one note instead of an edge from each kind."""

NOTED = (*ANSWERS, Said)
"""The events that the note has, instead of edges."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Pending": ("Scheduled", "Retrying", "Resume", "Paused"),
    "MetaState": ("Submitted", "Queued", "ClientFailed"),
}
"""Kinds that stand in one box with their parent, since all its rows are theirs."""

APART = frozenset({"Paused"})
"""The one of them that stands beside the box, since it has a row of its own."""

COLUMN = (
    *("Looped", "Cached", "Success", "Finished", "TimedOut", "Failed"),
    *("Aborted", "given", "Paused", "Skipped", "TriggerFailed", "Mapped"),
)
"""From top to bottom, what a run can lead to in one event."""

AGAIN = " ↩"
"""Marks a second picture of a kind, where an edge would have to go all the way back to the first."""


def edges() -> tuple[tuple[str, str, str], ...]:
    """The edges of the state diagram, as they are drawn: from, to, and the events."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, row in TABLE.items():
        for event, after in row.items():
            if event not in NOTED and after is not REFUSED:
                found.setdefault((kind.__name__, _target(kind, after)), []).append(event.__name__)
    return tuple((before, after, ", ".join(events)) for (before, after), events in found.items())


def _target(kind: type[State], after: type[State]) -> str:
    """The picture of a kind that an edge leads to."""
    if after is GIVEN:
        return "wrapped" if kind.__name__ == "MetaState" else "given"
    return f"{after.__name__}{AGAIN}" if after.__name__ in {"Pending", *GROUPS["Pending"]} - APART else after.__name__


def states() -> str:
    """The state diagram, as DOT text: what has not begun on the left, what is finished on the right."""
    return "\n".join(["digraph states {", HEAD.format(ranksep=0.55), *_nodes(), *_columns(), *_edges(), *_notes(), "}"]) + "\n"


def _nodes() -> Iterator[str]:
    boxed = {child for children in GROUPS.values() for child in children} - APART
    for kind in KINDS:
        if kind.__name__ in GROUPS:
            yield f'  "{kind.__name__}" [shape=plain, style="", label=<{_box(kind)}>];'
        elif kind is not State and kind.__name__ not in boxed:
            yield f'  "{kind.__name__}" [{_filled(kind)}];'
    by_name = {kind.__name__: kind for kind in KINDS}
    for name in dict.fromkeys(after for _, after, _ in edges() if after.endswith(AGAIN)):
        kind = by_name[name.removesuffix(AGAIN)]
        yield f'  "{name}" [style="rounded,dashed", penwidth=1.5, color="{kind.color}"];'
    for name, label in (("given", "the state that\\nthe signal brings"), ("wrapped", "the state that\\nis wrapped")):
        yield f'  "{name}" [label="{label}", style="rounded,dashed", penwidth=1.5, color="#5f6b7a", fontsize=12];'


def _filled(kind: type[State]) -> str:
    return f'fillcolor="{kind.color}", fontcolor="{ink(kind.color)}"'


def _box(kind: type[State]) -> str:
    """A parent and its children, one above the other."""
    members = [
        member for member in KINDS if member.__name__ in (kind.__name__, *GROUPS[kind.__name__]) and member.__name__ not in APART
    ]
    rows = "".join(
        f'<tr><td port="{member.__name__}" bgcolor="{member.color}" style="rounded">'
        f'<font color="{ink(member.color)}">{member.__name__}</font></td></tr>'
        for member in members
    )
    return f'<table border="0" cellspacing="6" cellpadding="7" bgcolor="#eef1f5" style="rounded">{rows}</table>'


def _columns() -> Iterator[str]:
    yield "  { rank=same; " + " -> ".join(f'"{name}"' for name in COLUMN) + " [style=invis]; }"
    yield '  { rank=same; "Pending" -> "MetaState" -> "note" [style=invis]; }'


def _edges() -> Iterator[str]:
    for before, after, events in edges():
        label = events.replace(", ", "\\n")
        beside = "\u00a0" * 34 if before in COLUMN and after in COLUMN and before != after else ""  # else it would lie on the arrow
        yield f'  "{before}"{":e" if before in GROUPS else ""} -> "{after}" [label="{beside} {label} "];'


def _notes() -> Iterator[str]:
    answers = ",\\l    ".join(event.__name__ for event in ANSWERS)
    refused = "".join(
        f"    {kind.__name__} refuses {event.__name__}\\l"
        for kind, row in TABLE.items()
        for event, after in row.items()
        if after is REFUSED
    )
    apart = ", ".join(sorted(APART))
    text = (
        f"{AGAIN.strip()} is the kind drawn on the left.\\l"
        f"Legal in every state:\\l    {answers}\\l"
        f"{Said.__name__} too, and leaves the state as it is\\l"
        f"A kind may do what its parent may ({apart} what\\lPending may), unless its own row refuses:\\l{refused}"
    )
    yield f'  "note" [shape=note, style=filled, fillcolor="#fffbe6", penwidth=1, color="#d9d2b0", fontsize=12, label="{text}"];'
