"""``tocsin outbox retry``, ``bury`` and ``purge``: what a person wants done with messages. Each says how many it was done with.

Nothing is asked back, so nothing is done that was not said: what is being sent is left alone, and what is removed has to be named.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from tocsin.cli.outbox.opening import UNUSABLE, absent
from tocsin.cli.terminal import complain, console, plain_text, say, write
from tocsin.core.messages.text import quote
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.selection import RetrySelection, parse_age, select_for_retry, statuses_to_remove
from tocsin.core.outbox.state_machine import Buried, Refused, RetryAsked, RowEvent
from tocsin.core.outbox.status import UNSETTLED, count, messages
from tocsin.shell.adapters.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.outbox.store import Store

_PIPED = 10_000  # columns
_PORTION = 500  # messages in one transaction


@attrs.frozen(kw_only=True)
class MessageSelection:
    """What is to be tried again, as it was typed."""

    keys: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    all_of_them: bool = False


def retry_messages(store: "Store", wanted: MessageSelection, *, as_json: bool) -> int:
    """Have messages tried again; the exit status: 1 where one of those named could not be."""
    chosen = select_for_retry(wanted.keys, wanted.statuses, all_of_them=wanted.all_of_them)
    if isinstance(chosen, str):
        complain(chosen)
        return UNUSABLE
    if chosen.keys:
        done, refused = _changed(store, chosen.keys, RetryAsked(store.now())) if store.exists else _nowhere(store, chosen.keys)
    else:
        done, refused = _all_again(store, chosen) if store.exists else 0, ()
    remedy = f": {messages(done)} will be sent by whatever drains next, or by tocsin outbox drain" if done else ""
    return _said(f"to be tried again: {done:,}{remedy}", done, refused, as_json=as_json)


def bury_messages(store: "Store", keys: Sequence[str], *, as_json: bool) -> int:
    """Have messages not sent any more; the exit status: 1 where one of them could not be buried."""
    once = tuple(dict.fromkeys(keys))
    done, refused = _changed(store, once, Buried(store.now())) if store.exists else _nowhere(store, once)
    return _said(f"buried: {done:,}", done, refused, as_json=as_json)


def purge_messages(store: "Store", older_than: str, statuses: Sequence[Status], *, as_json: bool) -> int:
    """Remove messages that ended so long ago; the exit status."""
    least, chosen = parse_age(older_than), statuses_to_remove(statuses)
    if least is None:
        complain(f"--older-than takes an age such as 7d, 12h or 30m, and {quote(older_than)} is none")
        return UNUSABLE
    if isinstance(chosen, str):
        complain(chosen)
        return UNUSABLE
    exists = store.exists
    gone = store.purge(store.now() - least / timedelta(seconds=1), chosen) if exists else 0
    census = store.census() if exists else ()
    kept = {status: count(census, [status]) for status in UNSETTLED}
    if as_json:
        counted = {status.value: number for status, number in kept.items()}
        write(f"{redact(json.dumps({'removed': gone, 'statuses': [status.value for status in chosen], 'kept': counted}))}\n")
    else:
        stay = ", ".join(f"{number:,} {status.value}" for status, number in kept.items() if number)
        say(console(_PIPED), plain_text(f"removed: {gone:,} {' or '.join(chosen)}{f'; kept: {stay}' if stay else ''}"))
    return 0


def _changed(store: "Store", keys: Sequence[str], event: RowEvent) -> tuple[int, tuple[str, ...]]:
    """To how many it happened, and why not to the others."""
    answers = [
        answer
        for start in range(0, len(keys), _PORTION)
        for answer in store.advance([(key, event) for key in keys[start : start + _PORTION]])
    ]
    refused = tuple(answer.reason for answer in answers if isinstance(answer, Refused))
    return len(answers) - len(refused), refused


def _nowhere(store: "Store", keys: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    return 0, tuple(f"there is no {key}: {absent(store)}" for key in keys)


def _all_again(store: "Store", chosen: RetrySelection) -> int:
    """Have all that stands so tried again, portion by portion: each message once, whatever becomes of it meanwhile."""
    seen: set[str] = set()
    done, fresh = 0, [""]
    while fresh:
        rows = store.rows(statuses=chosen.statuses, limit=_PORTION + len(seen))
        fresh = [row.key for row in rows if row.key not in seen]
        seen.update(fresh)
        done += _changed(store, fresh, RetryAsked(store.now()))[0]
    return done


def _said(line: str, done: int, refused: Sequence[str], *, as_json: bool) -> int:
    if as_json:
        write(f"{redact(json.dumps({'done': done, 'refused': list(refused)}))}\n")
    else:
        say(console(_PIPED), plain_text(line))
        for reason in refused:
            complain(reason)
    return 1 if refused else 0
