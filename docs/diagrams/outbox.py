"""The diagram and the table of a row's life in the outbox: every status in the table of the code is the end of an edge.

What is drawn comes from the table. Only where it stands, and in which colour, is decided here.
"""

from collections.abc import Iterator, Mapping

from docs.diagrams.markdown import table
from docs.diagrams.style import HEAD, ink

from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import TABLE, Buried, OutcomeKnown, RetryAsked

COLORS: Mapping[Status, str] = {
    Status.PENDING: "#7ebdff",
    Status.LEASED: "#ffdf5d",
    Status.DELIVERED: "#28a745",
    Status.DELAYED: "#f66a0a",
    Status.DEAD: "#eb0000",
    Status.UNKNOWN: "#696969",
}

_BY_HAND = {RetryAsked.__name__, Buried.__name__}


def edges() -> tuple[tuple[Status, Status, tuple[str, ...]], ...]:
    """The edges of the diagram: from, to, and the events."""
    found: dict[tuple[Status, Status], list[str]] = {}
    for before, event, after in _cells():
        found.setdefault((before, after), []).append(event)
    return tuple((before, after, tuple(events)) for (before, after), events in found.items())


def _cells() -> Iterator[tuple[Status, str, Status]]:
    """Each status that may follow on an event, in the order of the statuses."""
    for before, row in TABLE.items():
        for event, afters in row.items():
            yield from ((before, event.__name__, after) for after in Status if after in afters)


def life() -> str:
    """The diagram of a row's life, as DOT text: what waits on the left, what is over on the right."""
    return "\n".join(["digraph outbox {", HEAD.format(ranksep=1.1), *_nodes(), *_columns(), *_edges(), *_note(), "}"]) + "\n"


def _nodes() -> Iterator[str]:
    for status in Status:
        yield f'  "{status.value}" [fillcolor="{COLORS[status]}", fontcolor="{ink(COLORS[status])}"];'


def _columns() -> Iterator[str]:
    yield f'  {{ rank=same; "{Status.PENDING}" -> "{Status.DELAYED}" [style=invis]; }}'
    yield f'  {{ rank=same; "{Status.DELIVERED}" -> "{Status.DEAD}" -> "{Status.UNKNOWN}" [style=invis]; }}'


def _edges() -> Iterator[str]:
    for before, after, events in edges():
        label = "\\n".join(events)
        style = ", style=dashed" if _aside(before, events) else ""
        port = ", headport=w, tailport=w" if before is after is Status.PENDING else ""  # else its label would lie on another
        yield f'  "{before.value}" -> "{after.value}" [label=" {label} "{style}{port}];'


def _aside(before: Status, events: tuple[str, ...]) -> bool:
    """Whether all of it is done by a person, or said too late."""
    return set(events) <= _BY_HAND or (before is not Status.LEASED and events == (OutcomeKnown.__name__,))


def _note() -> Iterator[str]:
    text = (
        "Dashed is what a person does (RetryAsked, Buried),\\l"
        "and that an answer comes although the lease had ended\\l"
        "(OutcomeKnown: it arrived).\\l"
        "Claimed leads to dead where no tries are left.\\l"
    )
    yield f'  "note" [shape=note, style=filled, fillcolor="#fffbe6", penwidth=1, color="#d9d2b0", fontsize=12, label="{text}"];'


def life_table() -> str:
    """Every cell of the table of a row's life, in Markdown."""
    rows = (
        (f"`{before.value}`", f"`{event.__name__}`", " or ".join(f"`{after.value}`" for after in Status if after in afters))
        for before, row in TABLE.items()
        for event, afters in row.items()
    )
    return table(("Is", "after", "it is"), rows)
