"""``tocsin outbox drain``: what is due is sent now, and waited for.

Exit status: 0 if nothing is left that waits, and nothing was given up; 1 if something is, or was; 2 if the outbox cannot be used, or
nothing may be sent. Stopped by a signal it ends what is being sent, releases the rest, and leaves with the signal's status.
"""

import json
import signal
import threading
from collections.abc import Sequence

from tocsin.cli.outbox.board import Board
from tocsin.cli.outbox.ending import ended
from tocsin.cli.outbox.opening import UNUSABLE, absent
from tocsin.cli.outbox.telling import Tell, telling
from tocsin.cli.stopping import TERMINATED
from tocsin.cli.terminal import complain, console, literally, say, write
from tocsin.core.outbox.moments import lasting
from tocsin.core.outbox.parcels import Parcel
from tocsin.core.outbox.reckoning import ENDINGS, Reckoning
from tocsin.core.outbox.rows import WAITING, Row
from tocsin.core.outbox.standing import UNSETTLED, count, messages
from tocsin.core.outcomes import Outcome
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.inherited import NAME, misspelt, override
from tocsin.shell.outbox import configured
from tocsin.shell.outbox.drainer import Drainer, OnParcel
from tocsin.shell.outbox.faults import OutboxFault
from tocsin.shell.outbox.store import Store

LAST = 25.0
"""For how many seconds what is being sent is waited for, after a signal: longer than one message takes, shorter than patience does."""

_APART = 1.0  # seconds between two digests to the same people: somebody waits for this to end
_PIPED = 10_000  # columns


def refused() -> bool:
    """Whether nothing may be sent, which is said."""
    asked = override()
    if asked is not None:
        complain(f"{misspelt() or f'{NAME}={asked} is set'}, so nothing would be sent: unset it, and drain again")
    return asked is not None


def drained(store: Store, *, as_json: bool) -> int:
    """Send what is due; the exit status."""
    if refused():
        return UNUSABLE
    if not store.exists:
        write(f"{json.dumps(_json(store, Reckoning(), 0))}\n") if as_json else say(console(_PIPED), literally(absent(store)))
        return 0
    board, before = Board(), store.census()
    with telling(count(before, WAITING), as_json=as_json) as tell:
        ended_by = _turned(Drainer(store, configured.sender(), apart=_APART, on_parcel=noting(board, tell)))
    if ended_by is not None:
        return ended_by
    after = store.census()
    left = count(after, WAITING)
    if as_json:
        write(f"{redact(json.dumps(_json(store, board.reckoning, left)))}\n")
    else:
        say(console(_PIPED), literally(f"{board.reckoning}{_left(store, left)}"))
    return 1 if left or count(after, UNSETTLED) > count(before, UNSETTLED) else 0


def noting(board: Board, tell: Tell) -> OnParcel:
    """Has the board know of each message that was tried, and people."""

    def note(parcel: Parcel, _: Outcome, rows: Sequence[Row]) -> None:
        if rows:  # else its lease was lost, and somebody else has them
            board.note(rows)
            tell(parcel, rows)

    return note


def _turned(drainer: Drainer) -> int | None:
    """Send what is due; where a signal ends that, its exit status.

    Raises:
        OutboxFault: the database cannot be used.
        KeyboardInterrupt: somebody interrupted it.
    """
    faults: list[OutboxFault] = []

    def turn() -> None:
        try:
            drainer.turn()
        except OutboxFault as fault:
            faults.append(fault)
        finally:
            ending.wake()

    with ended() as ending:
        thread = threading.Thread(target=turn, name="tocsin_outbox", daemon=True)
        thread.start()
        if ending.wait():
            drainer.stop(LAST)
    if ending.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if ending.is_due:
        complain("ended by SIGTERM: what was not sent waits in the outbox")
        return TERMINATED
    thread.join()
    for fault in faults:
        raise fault
    return None


def _left(store: Store, left: int) -> str:
    if not left:
        return ""
    soonest = store.agenda().next
    when = "" if soonest is None else f", and the next is due in {lasting(soonest)}"
    return f"; {messages(left)} {'waits' if left == 1 else 'wait'} still{when}"


def _json(store: Store, reckoning: Reckoning, left: int) -> dict[str, object]:
    return {"place": store.place, **{status.value: reckoning.count(status) for status in ENDINGS}, "left": left}
