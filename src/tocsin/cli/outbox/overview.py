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
from tocsin.cli.terminal import coloured, console, literally, say, write
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.model import WAITING, Row, Status, aged, seconds_between
from tocsin.core.outbox.status import Counted, Standing, count, standings, to_do
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
        say(console(_PIPED), literally(store.place, "dim"), _status_table(standings(census), at), *(literally(line) for line in lines))
    else:
        say(console(_PIPED), literally(absent(store)))
    return 1 if tasks else 0


def _status_table(found: Sequence[Standing], at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in found:
        oldest = "" if each.oldest is None else f"the oldest that waits: {aged(each.oldest, at)}"
        stands = (
            literally(f"● {number:,} {status.value}", coloured(COLORS[status])) for status, number in each.counts.items() if number
        )
        table.add_row(literally(one_line(each.destination)), literally("  ").join(stands), literally(oldest))
    return table


def _json(place: str, census: Sequence[Counted], at: float, *, exists: bool) -> dict[str, object]:
    return {
        "place": place,
        "exists": exists,
        "destinations": [_goal(each, at) for each in standings(census)],
        "waiting": count(census, WAITING),
        "dead": count(census, [Status.DEAD]),
        "unknown": count(census, [Status.UNKNOWN]),
        "to_do": list(to_do(census)),
    }


def _goal(standing: Standing, at: float) -> dict[str, object]:
    return {
        "destination": standing.destination,
        **{status.value: number for status, number in standing.counts.items()},
        "oldest_waiting_seconds": None if standing.oldest is None else seconds_between(standing.oldest, at),
    }


_PIPED_LISTING = 10_000  # columns: whoever reads a pipe wants one line a message
_REASON = 200  # characters


@attrs.frozen(kw_only=True)
class Asked:
    """What was asked for; see the options of the command."""

    statuses: tuple[Status, ...] = ()
    destination: str | None = None
    limit: int = 20
    json: bool = False


def listed(store: "Store", asked: Asked) -> int:
    """Show the messages; the exit status."""
    exists = store.exists
    rows = store.rows(statuses=asked.statuses, destination=asked.destination, limit=asked.limit) if exists else ()
    if asked.json:
        whole = {"place": store.place, "exists": exists, "messages": [as_json(row) for row in rows]}
        write(f"{redact(json.dumps(whole))}\n")
    elif rows:
        say(console(_PIPED_LISTING), _messages_table(rows, store.now()))
    else:
        say(console(_PIPED_LISTING), literally(_nothing(store.place) if exists else absent(store)))
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
    yield literally(f"● {row.status.value}", coloured(COLORS[row.status]))
    yield literally(one_line(row.key))
    yield literally(one_line(row.destination))
    yield literally(aged(row.made, at))
    yield literally(tries)
    yield literally(one_line(sentence(message_in(row))))
    yield literally(cut(one_line(row.reason or ""), _REASON))
