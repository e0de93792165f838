"""A soak run: sends a million messages through an outbox, and prints whether memory, claims and file size stay constant.

    python -m tests.benchmarks.soak [MESSAGES]

Most messages are stored a thousand at a time and sent as one digest; a few are stored and sent one by one. The outbox sends to a
destination in this process: of a hundred attempts, one is deferred and one gets no answer. The run takes minutes and prints a table.
It asserts that every message is settled, that none is dead, and that none is left.
"""

import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import attrs
import pytest
from returns.io import IOResult

from tests.benchmarks.outboxes import Messages
from tocsin import flush
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.effects import Effect
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Receipt, Retryable
from tocsin.interpreters import Outbox
from tocsin.shell.interpreter import result_of
from tocsin.shell.outbox.store import Store

_MANY = 1000
_FEW = 5
_PARTS = 10  # lines of the table
_PATIENCE = 600.0  # seconds until the stored messages are sent
_MOMENT = 0.05
_SOON = RetryPolicy(attempts=150, initial_delay=0.01, max_delay=0.02, deadline=86_400.0)
_OUTCOMES: tuple[Outcome, ...] = (Delivered(), Retryable("busy"), Ambiguous("no answer"))
_ODDS = (98, 1, 1)

HEADING = f"{'messages':>10}{'kept/s':>11}{'all/s':>10}{'claims':>8}{'p50 ms':>9}{'most ms':>9}{'RSS MB':>9}{'file MB':>9}"
"""So far; put in, a second; and sent, a second; claims of a thousand, and what they took, half of them and at most; memory; file."""


@attrs.define(eq=False)
class Unreliable:
    """A destination that fails now and then, deterministically. It counts its answers."""

    answers: Counter[str] = attrs.field(factory=Counter[str])
    chance: random.Random = attrs.field(factory=partial(random.Random, 1))

    notify = "live"

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Accept the message, or fail."""
        (outcome,) = self.chance.choices(_OUTCOMES, _ODDS)
        self.answers[type(outcome).__name__] += 1
        return result_of(outcome)


@attrs.frozen
class Part:
    """Measurements while one tenth of the messages was sent."""

    messages: int
    kept: float
    ended: float
    claims: Sequence[float]
    memory: float
    size: float

    def __str__(self) -> str:
        middle, slow = median(self.claims) * 1000, max(self.claims) * 1000
        speed = f"{self.kept:11,.0f}{self.ended:10,.0f}"
        return f"{self.messages:>10,}{speed}{len(self.claims):8,}{middle:9.2f}{slow:9.2f}{self.memory:9.1f}{self.size:9.1f}"


@contextmanager
def timed(least: int) -> Iterator[list[float]]:
    """Record the seconds of each claim that leases that many rows."""
    took: list[float] = []
    claim = Store.claim

    def claimed(store: Store, destination: str, name: str, *, seconds: float, most: int = 1000) -> tuple[Row, ...]:
        began = time.perf_counter()
        rows = claim(store, destination, name, seconds=seconds, most=most)
        took.extend([time.perf_counter() - began] if len(rows) >= least else [])
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "claim", claimed)
        yield took


def memory() -> float:
    """Return the memory in use by this process, in megabytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def size(file: Path) -> float:
    """Return the size of the outbox on disk with its WAL, in megabytes."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / 1e6


def gone_through(outbox: Outbox, messages: Messages, count: int) -> tuple[float, float]:
    """Store and send messages; return the seconds for storing the batches, and for everything."""
    kept, start = 0.0, time.perf_counter()
    many = min(_MANY, count) - _FEW
    for _ in range(0, count, _MANY):
        batch = messages.ones(many)
        began = time.perf_counter()
        outbox.batch(batch)
        kept += time.perf_counter() - began
        flush(_PATIENCE)
        for one in messages.ones(_FEW):
            outbox(one)
        flush(_PATIENCE)
    return kept, time.perf_counter() - start


def over(store: Store) -> bool:
    """Wait a moment; return whether no message is waiting."""
    time.sleep(_MOMENT)
    agenda = store.agenda()
    return not agenda.due and agenda.next is None


def ended(store: Store) -> Counter[Status]:
    """Wait until no message is waiting; return the messages' states."""
    assert any(over(store) for _ in range(int(_PATIENCE / _MOMENT)))
    return Counter({census.status: census.count for census in store.census()})


def soak(folder: Path, count: int) -> None:
    """Send messages through an outbox in that folder; print one line per tenth of them, and the size after a purge."""
    file, messages, destination = folder / "outbox.sqlite", Messages(), Unreliable()
    url, part = f"sqlite:///{file}", count // _PARTS
    print(HEADING, flush=True)
    with closing(Store(url)) as store, closing(Outbox(destination, url, policy=_SOON, min_interval=0.0)) as outbox:
        for _ in range(_PARTS):
            with timed(min(_MANY, part) - _FEW) as claims:
                kept, took = gone_through(outbox, messages, part)
            print(Part(messages.made, part / kept, part / took, claims, memory(), size(file)), flush=True)
        rows = ended(store)
        print(f"tries: {dict(destination.answers)}; rows: { {status.value: number for status, number in rows.items()} }")
        assert rows.keys() <= {Status.DELIVERED, Status.UNKNOWN}
        assert rows.total() == messages.made
        before, began = size(file), time.perf_counter()
        removed = store.purge(store.now() + 1)
        print(f"purged {removed:,} rows in {time.perf_counter() - began:.1f} s: {before:.1f} MB before, {size(file):.1f} MB after")
        assert removed == rows[Status.DELIVERED]


if __name__ == "__main__":
    logging.disable()  # it logs one line for each deferred or unanswered message
    with tempfile.TemporaryDirectory() as made:
        soak(Path(made), int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
