"""``tocsin outbox list``: the last messages, each in a line, the newest last, as in a log."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.outbox.opening import absent
from tocsin.cli.outbox.reading import COLORS, as_json, message_in, sentence
from tocsin.cli.terminal import coloured, console, literally, say, write
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outbox.moments import aged
from tocsin.core.outbox.rows import Row, Status
from tocsin.shell.adapters.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a message
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
        say(console(_PIPED), _table(rows, store.now()))
    else:
        say(console(_PIPED), literally(_nothing(store.place) if exists else absent(store)))
    return 0


def _nothing(place: str) -> str:
    return f"there is no such message in the outbox at {place}"


def _table(rows: Iterable[Row], at: float) -> Table:
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
