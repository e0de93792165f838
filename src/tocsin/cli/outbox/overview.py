"""``tocsin outbox status``: how many messages stand how, and whether somebody should do something about any of them.

Exit status: 0, or 1 where messages are dead or unknown, so that a check of yours can ask; 2 if the outbox cannot be read.

``tocsin outbox list``: the last messages, each in a line, the newest last, as in a log.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.outbox.opening import absent
from tocsin.cli.outbox.show import COLORS, as_json, message_in, sentence
from tocsin.cli.terminal import color_style, console, plain_text, say, write
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.model import WAITING, Row, Status, age_text, seconds_between
from tocsin.core.outbox.status import DestinationStatus, StatusCount, count, destination_statuses, to_do
from tocsin.shell.adapters.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a destination


def status(store: "Store", *, as_json: bool) -> int:
    """Say how the outbox stands; the exit status."""
    exists = store.exists
    census, at = (store.census(), store.now()) if exists else ((), 0.0)
    tasks = to_do(census)
    if as_json:
        write(f"{redact(json.dumps(_json(store.place, census, at, exists=exists)))}\n")
    elif exists:
        lines = tasks or ("nobody need do anything",)
        say(
            console(_PIPED),
            plain_text(store.place, "dim"),
            _status_table(destination_statuses(census), at),
            *(plain_text(line) for line in lines),
        )
    else:
        say(console(_PIPED), plain_text(absent(store)))
    return 1 if tasks else 0


def _status_table(found: Sequence[DestinationStatus], at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in found:
        oldest = "" if each.oldest is None else f"the oldest that waits: {age_text(each.oldest, at)}"
        stands = (
            plain_text(f"● {number:,} {status.value}", color_style(COLORS[status])) for status, number in each.counts.items() if number
        )
        table.add_row(plain_text(one_line(each.destination)), plain_text("  ").join(stands), plain_text(oldest))
    return table


def _json(place: str, census: Sequence[StatusCount], at: float, *, exists: bool) -> dict[str, object]:
    return {
        "place": place,
        "exists": exists,
        "destinations": [_goal(each, at) for each in destination_statuses(census)],
        "waiting": count(census, WAITING),
        "dead": count(census, [Status.DEAD]),
        "unknown": count(census, [Status.UNKNOWN]),
        "to_do": list(to_do(census)),
    }


def _goal(standing: DestinationStatus, at: float) -> dict[str, object]:
    return {
        "destination": standing.destination,
        **{status.value: number for status, number in standing.counts.items()},
        "oldest_waiting_seconds": None if standing.oldest is None else seconds_between(standing.oldest, at),
    }


_PIPED_LISTING = 10_000  # columns: whoever reads a pipe wants one line a message
_REASON = 200  # characters


@attrs.frozen(kw_only=True)
class ListOptions:
    """What was asked for; see the options of the command."""

    statuses: tuple[Status, ...] = ()
    destination: str | None = None
    limit: int = 20
    json: bool = False


def show_messages(store: "Store", asked: ListOptions) -> int:
    """Show the messages; the exit status."""
    exists = store.exists
    rows = store.rows(statuses=asked.statuses, destination=asked.destination, limit=asked.limit) if exists else ()
    if asked.json:
        whole = {"place": store.place, "exists": exists, "messages": [as_json(row) for row in rows]}
        write(f"{redact(json.dumps(whole))}\n")
    elif rows:
        say(console(_PIPED_LISTING), _messages_table(rows, store.now()))
    else:
        say(console(_PIPED_LISTING), plain_text(_nothing(store.place) if exists else absent(store)))
    return 0


def _nothing(place: str) -> str:
    return f"there is no such message in the outbox at {place}"


def _messages_table(rows: Iterable[Row], at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*_cells(row, at))
    return table


def _cells(row: Row, at: float) -> Iterable[Text]:
    tries = f"{row.attempts} {'try' if row.attempts == 1 else 'tries'}" if row.attempts else ""
    yield plain_text(f"● {row.status.value}", color_style(COLORS[row.status]))
    yield plain_text(one_line(row.key))
    yield plain_text(one_line(row.destination))
    yield plain_text(age_text(row.made, at))
    yield plain_text(tries)
    yield plain_text(one_line(sentence(message_in(row))))
    yield plain_text(cut(one_line(row.reason or ""), _REASON))
