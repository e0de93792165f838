"""``tocsin outbox status``: how many messages stand how, and whether somebody should do something about any of them.

Exit status: 0, or 1 where messages are dead or unknown, so that a check of yours can ask; 2 if the outbox cannot be read.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from tocsin.cli.outbox.opening import absent
from tocsin.cli.outbox.reading import COLORS
from tocsin.cli.terminal import coloured, console, literally, say, write
from tocsin.core.messages.text import one_line
from tocsin.core.outbox.moments import aged, seconds_between
from tocsin.core.outbox.rows import WAITING, Status
from tocsin.core.outbox.standing import Counted, Standing, count, standings, to_do
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
        say(console(_PIPED), literally(store.place, "dim"), _table(standings(census), at), *(literally(line) for line in lines))
    else:
        say(console(_PIPED), literally(absent(store)))
    return 1 if tasks else 0


def _table(found: Sequence[Standing], at: float) -> Table:
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
