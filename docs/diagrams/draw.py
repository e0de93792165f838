"""Draws the diagrams and the tables of the docs from the code: ``python docs/diagrams/draw.py`` writes them all.

What is drawn is text, and committed: ``.dot`` files for the two diagrams, Markdown for the tables. A test holds them to the code.
The ``.svg`` files beside the ``.dot`` files are made by Graphviz's ``dot``, which is needed to draw and not to test.
"""

import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from html import escape
from pathlib import Path

import attrs

from tocsin.core.events import HandlerRaised, HandlerReplied, HandlerSignalled
from tocsin.core.messages.text import span
from tocsin.core.outcomes import Ambiguous, DestinationDead, Outcome, Rejected, Retryable
from tocsin.core.replies import slack_reply, smtp_reply
from tocsin.core.states import KINDS, State
from tocsin.core.transitions import GIVEN, REFUSED, TABLE

HERE = Path(__file__).parent
ANSWERS = (HandlerReplied, HandlerSignalled, HandlerRaised)
"""Legal in every state: one note instead of an edge from each kind."""

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

_HEAD = """\
  graph [fontname="Arial", fontsize=13, pad=0.3, nodesep=0.25, ranksep={ranksep}, bgcolor="white", rankdir=LR];
  node [fontname="Arial", fontsize=14, shape=box, style="rounded,filled", penwidth=0, margin="0.16,0.07"];
  edge [fontname="Arial", fontsize=12, color="#5f6b7a", fontcolor="#37414d", arrowsize=0.7];
"""
_SLACK_ANSWERS = (
    (200, "ok"),
    (400, "invalid_payload"),
    (400, "user_not_found"),
    (400, "no_text"),
    (400, "too_many_attachments"),
    (403, "action_prohibited"),
    (403, "posting_to_general_channel_denied"),
    (404, "channel_not_found"),
    (410, "channel_is_archived"),
    (404, "no_active_hooks"),
    (404, "no_service"),
    (404, "no_service_id"),
    (404, "no_team"),
    (403, "team_disabled"),
    (403, "invalid_token"),
    (429, ""),
    (500, "rollup_error"),
    (503, ""),
    (502, ""),
    (504, ""),
    (302, ""),
    (418, "something else"),
)
_GMAIL_ANSWERS = (
    (421, "4.7.0 try again later"),
    (450, "4.2.1 the mailbox is receiving mail too fast"),
    (451, "4.3.0 mail server temporarily rejected the message"),
    (452, "4.5.3 too many recipients"),
    (454, "4.7.0 too many login attempts"),
    (534, "5.7.9 application-specific password required"),
    (535, "5.7.8 username and password not accepted"),
    (550, "5.4.5 daily sending quota exceeded"),
    (552, "5.3.4 message size exceeds fixed limit"),
    (554, "5.6.0 mail message is malformed"),
)


def ink(color: str) -> str:
    """Black or white, whichever is easier to read on a colour (``#rrggbb``), by the contrast of WCAG 2."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"


# --- the state diagram --------------------------------------------------------------------------------------------------------


def edges() -> tuple[tuple[str, str, str], ...]:
    """The edges of the state diagram, as they are drawn: from, to, and the events."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, row in TABLE.items():
        for event, after in row.items():
            if event not in ANSWERS and after is not REFUSED:
                found.setdefault((kind.__name__, _target(kind, after)), []).append(event.__name__)
    return tuple((before, after, ", ".join(events)) for (before, after), events in found.items())


def _target(kind: type[State], after: type[State]) -> str:
    """The picture of a kind that an edge leads to."""
    if after is GIVEN:
        return "wrapped" if kind.__name__ == "MetaState" else "given"
    return f"{after.__name__}{AGAIN}" if after.__name__ in {"Pending", *GROUPS["Pending"]} - APART else after.__name__


def states() -> str:
    """The state diagram, as DOT text: what has not begun on the left, what is finished on the right."""
    return "\n".join(["digraph states {", _HEAD.format(ranksep=0.55), *_nodes(), *_columns(), *_edges(), *_notes(), "}"]) + "\n"


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
        f"A kind may do what its parent may ({apart} what\\lPending may), unless its own row refuses:\\l{refused}"
    )
    yield f'  "note" [shape=note, style=filled, fillcolor="#fffbe6", penwidth=1, color="#d9d2b0", fontsize=12, label="{text}"];'


# --- the class diagram --------------------------------------------------------------------------------------------------------


def classes() -> str:
    """The class diagram, as DOT text: every kind under its parent, with the fields that it adds."""
    nodes = (
        f'  "{kind.__name__}" [fillcolor="{kind.color}", fontcolor="{ink(kind.color)}", label=<{_label(kind)}>];' for kind in KINDS
    )
    arrows = (f'  "{parent(kind).__name__}" -> "{kind.__name__}" [dir=back, arrowtail=empty];' for kind in KINDS if kind is not State)
    return "\n".join(["digraph classes {", _HEAD.format(ranksep=0.7), *nodes, *arrows, "}"]) + "\n"


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


# --- the tables ---------------------------------------------------------------------------------------------------------------


def kinds_table() -> str:
    """Every kind of state, with its colour, its fields and what it means; in Markdown."""
    rows = (
        (
            f"{_swatch(kind)} `{kind.__name__}`",
            _parent(kind),
            ", ".join(f"`{name}`" for name in own_fields(kind)),
            f"`{kind.color}`",
            _meaning(kind),
        )
        for kind in KINDS
    )
    return _table(("State", "Parent", "Own fields", "Colour", "Meaning"), rows)


def transitions_table() -> str:
    """Every row of the table of transitions, in Markdown."""
    rows = (
        (
            f"`{kind.__name__}`",
            f"`{event.__name__}`",
            "*refused*" if after is REFUSED else "the state that the event brings" if after is GIVEN else f"`{after.__name__}`",
        )
        for kind, row in TABLE.items()
        for event, after in row.items()
    )
    return _table(("In", "after", "it becomes"), rows)


def slack_table() -> str:
    """What each answer of Slack's means, asked of the code; in Markdown."""
    answers = ((status, body, *_outcome(slack_reply(status, body))) for status, body in _SLACK_ANSWERS)
    rows = (
        (f"{status}", f"`{body}`" if body else "any", outcome, reason.removeprefix(f"Slack answered {body} (HTTP {status}): "))
        for status, body, outcome, reason in answers
    )
    return _table(("HTTP", "Body", "Outcome", "Reason"), rows)


def gmail_table() -> str:
    """What each refusal of Gmail's means, asked of the code; in Markdown."""
    rows = ((f"{code}", text, *_outcome(smtp_reply(code, text))) for code, text in _GMAIL_ANSWERS)
    return _table(("Code", "Text", "Outcome", "Reason"), rows)


def _outcome(outcome: Outcome) -> tuple[str, str]:
    kind = f"`{type(outcome).__name__}`"
    match outcome:
        case Retryable(reason=reason, after=timedelta() as after):
            return f"{kind}, after {span(after)}", reason
        case Retryable(reason=reason) | Rejected(reason=reason) | DestinationDead(reason=reason) | Ambiguous(reason=reason):
            return kind, reason
        case _:
            return kind, ""


def _swatch(kind: type[State]) -> str:
    return f'<span class="swatch" style="background:{kind.color}"></span>'


def _parent(kind: type[State]) -> str:
    return "" if kind is State else f"`{parent(kind).__name__}`"


def _meaning(kind: type[State]) -> str:
    return escape((kind.__doc__ or "").split("\n")[0].replace("``", "`"), quote=False)


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [titles, tuple("---" for _ in titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# --- all of it ----------------------------------------------------------------------------------------------------------------


def drawn() -> Mapping[Path, str]:
    """All that is drawn from the code, by the file that holds it."""
    return {
        HERE / "states.dot": states(),
        HERE / "classes.dot": classes(),
        HERE / "tables" / "kinds.md": kinds_table(),
        HERE / "tables" / "transitions.md": transitions_table(),
        HERE / "tables" / "slack.md": slack_table(),
        HERE / "tables" / "gmail.md": gmail_table(),
    }


if __name__ == "__main__":
    for path, text in drawn().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".dot":
            subprocess.run(["dot", "-Tsvg", f"-o{path.with_suffix('.svg')}", path], check=True)  # noqa: S603, S607 - our own file
