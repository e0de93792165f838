"""``tocsin outbox retry``, ``bury`` and ``purge``: change messages, and print how many were changed.

No command asks for confirmation. So messages that are being sent are left alone, and what is removed has to be named.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tocsin.cli.outbox.opening import UNUSABLE, no_outbox_yet
from tocsin.cli.outbox.show import complete_keys
from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, plain_text, say
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import Buried, RefusedEvent, RetryAsked, RowEvent
from tocsin.core.outbox.status import UNSETTLED, RetrySelection, count, messages, parse_age, select_for_retry, statuses_to_remove
from tocsin.core.text import quote

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_PORTION = 500  # messages in one transaction


def retry_messages(store: "Store", keys: Sequence[str], statuses: Sequence[Status], *, all_of_them: bool, as_json: bool) -> int:
    """Retry messages and return the exit status: 1 if one of those named could not be retried."""
    chosen = select_for_retry(keys, statuses, all_of_them=all_of_them)
    if isinstance(chosen, str):
        complain(chosen)
        return UNUSABLE
    if chosen.keys:
        done, refused = _apply_to_named(store, chosen.keys, RetryAsked)
    else:
        done, refused = _retry_all(store, chosen) if store.exists else 0, ()
    remedy = f": the next worker or tocsin outbox drain sends {messages(done)}" if done else ""
    return _report(f"to be retried: {done:,}{remedy}", done, refused, as_json=as_json)


def bury_messages(store: "Store", keys: Sequence[str], *, as_json: bool) -> int:
    """Give messages up and return the exit status: 1 if one of them could not be buried."""
    done, refused = _apply_to_named(store, keys, Buried)
    return _report(f"buried: {done:,}", done, refused, as_json=as_json)


def purge_messages(store: "Store", older_than: str, statuses: Sequence[Status], *, as_json: bool) -> int:
    """Remove messages that ended at least this long ago, and return the exit status."""
    least, chosen = parse_age(older_than), statuses_to_remove(statuses)
    if least is None:
        complain(f"--older-than takes an age such as 7d, 12h or 30m, not {quote(older_than)}")
        return UNUSABLE
    if isinstance(chosen, str):
        complain(chosen)
        return UNUSABLE
    exists = store.exists
    removed = store.purge(store.now() - least / timedelta(seconds=1), chosen) if exists else 0
    census = store.census() if exists else ()
    kept = {status: count(census, [status]) for status in UNSETTLED}
    if as_json:
        counted = {status.value: number for status, number in kept.items()}
        write(f"{json_line({'removed': removed, 'statuses': [status.value for status in chosen], 'kept': counted})}\n")
    else:
        kept_text = ", ".join(f"{number:,} {status.value}" for status, number in kept.items() if number)
        say(console(), plain_text(f"removed: {removed:,} {' or '.join(chosen)}{f'; kept: {kept_text}' if kept_text else ''}"))
    return 0


def _apply_to_named(store: "Store", named: Sequence[str], event: type[RetryAsked] | type[Buried]) -> tuple[int, tuple[str, ...]]:
    """Apply the event to the messages that are named by their keys or the beginnings of keys."""
    if not store.exists:
        return _all_missing(store, tuple(dict.fromkeys(named)))
    keys, unknown = complete_keys(store, named)
    done, refused = _apply(store, keys, event(store.now()))
    return done, (*unknown, *refused)


def _apply(store: "Store", keys: Sequence[str], event: RowEvent) -> tuple[int, tuple[str, ...]]:
    """Apply the event to the messages. Return how many accepted it, and the reasons of the others."""
    answers = [
        answer
        for start in range(0, len(keys), _PORTION)
        for answer in store.advance([(key, event) for key in keys[start : start + _PORTION]])
    ]
    refused = tuple(answer.reason for answer in answers if isinstance(answer, RefusedEvent))
    return len(answers) - len(refused), refused


def _all_missing(store: "Store", keys: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    return 0, tuple(f"there is no {key}: {no_outbox_yet(store)}" for key in keys)


def _retry_all(store: "Store", chosen: RetrySelection) -> int:
    """Retry all messages with the selected statuses, in portions. Each message is retried once, also if its status changes back."""
    seen: set[str] = set()
    done, fresh = 0, [""]
    while fresh:
        rows = store.rows(statuses=chosen.statuses, limit=_PORTION + len(seen))
        fresh = [row.key for row in rows if row.key not in seen]
        seen.update(fresh)
        done += _apply(store, fresh, RetryAsked(store.now()))[0]
    return done


def _report(line: str, done: int, refused: Sequence[str], *, as_json: bool) -> int:
    if as_json:
        write(f"{json_line({'done': done, 'refused': list(refused)})}\n")
    else:
        say(console(), plain_text(line))
        for reason in refused:
            complain(reason)
    return 1 if refused else 0
