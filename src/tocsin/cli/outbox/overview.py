"""``tocsin outbox status``, the number of messages by destination and status, and ``tocsin outbox list``, the newest messages.

``status`` exits with 1 if messages are dead or unknown, so that a monitoring check can use it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs
from rich.table import Table
from rich.text import Text

from tocsin.cli.outbox.opening import no_outbox_yet
from tocsin.cli.outbox.show import COLORS, as_json, message_in, message_text
from tocsin.cli.stdout import write
from tocsin.cli.terminal import color_style, console, json_line, own_text, plain_text, say
from tocsin.core.outbox.model import WAITING, Row, Status, age_text, seconds_between
from tocsin.core.outbox.status import DestinationStatus, StatusCount, count, destination_statuses, to_do
from tocsin.core.text import cut, one_line

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_LONGEST_REASON = 200  # characters


@attrs.frozen(kw_only=True)
class ListOptions:
    """The options of ``tocsin outbox list``."""

    statuses: tuple[Status, ...] = ()
    destination: str | None = None
    limit: int = 20
    json: bool = False


def status(store: "Store", *, as_json: bool) -> int:
    """Show the counts and what a person should do, and return the exit status."""
    exists = store.exists
    census, at = (store.census(), store.now()) if exists else ((), 0.0)
    tasks = to_do(census)
    if as_json:
        write(f"{json_line(_status_json(store.place, census, at, exists=exists))}\n")
    elif exists:
        lines = tasks or ("no action is needed",)
        say(
            console(),
            plain_text(store.place, "dim"),
            _status_table(destination_statuses(census), at),
            *(plain_text(line) for line in lines),
        )
    else:
        say(console(), plain_text(no_outbox_yet(store)))
    return 1 if tasks else 0


def _status_table(found: Sequence[DestinationStatus], at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for each in found:
        oldest = "" if each.oldest is None else f"oldest waiting: {age_text(each.oldest, at)}"
        counts = (
            plain_text(f"● {number:,} {status.value}", color_style(COLORS[status])) for status, number in each.counts.items() if number
        )
        table.add_row(plain_text(one_line(each.destination)), plain_text("  ").join(counts), plain_text(oldest))
    return table


def _status_json(place: str, census: Sequence[StatusCount], at: float, *, exists: bool) -> dict[str, object]:
    return {
        "place": place,
        "exists": exists,
        "destinations": [_destination_json(each, at) for each in destination_statuses(census)],
        "waiting": count(census, WAITING),
        "dead": count(census, [Status.DEAD]),
        "unknown": count(census, [Status.UNKNOWN]),
        "to_do": list(to_do(census)),
    }


def _destination_json(found: DestinationStatus, at: float) -> dict[str, object]:
    return {
        "destination": found.destination,
        **{status.value: number for status, number in found.counts.items()},
        "oldest_waiting_seconds": None if found.oldest is None else seconds_between(found.oldest, at),
    }


def show_messages(store: "Store", options: ListOptions) -> int:
    """Show the messages and return the exit status."""
    exists = store.exists
    rows = store.rows(statuses=options.statuses, destination=options.destination, limit=options.limit) if exists else ()
    if options.json:
        whole = {"place": store.place, "exists": exists, "messages": [as_json(row) for row in rows]}
        write(f"{json_line(whole)}\n")
    elif rows:
        say(console(), _messages_table(rows, store.now()))
    else:
        say(console(), plain_text(_nothing(store.place) if exists else no_outbox_yet(store)))
    return 0


def _nothing(place: str) -> str:
    return f"there is no such message in the outbox at {place}"


def _messages_table(rows: Iterable[Row], at: float) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*_cells(row, at))
    return table


def _cells(row: Row, at: float) -> Iterable[Text]:
    attempts = f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}" if row.attempts else ""
    yield plain_text(f"● {row.status.value}", color_style(COLORS[row.status]))
    yield own_text(one_line(row.key))
    yield plain_text(one_line(row.destination))
    yield plain_text(age_text(row.made, at))
    yield plain_text(attempts)
    yield plain_text(one_line(message_text(message_in(row))))
    yield plain_text(cut(one_line(row.reason or ""), _LONGEST_REASON))
