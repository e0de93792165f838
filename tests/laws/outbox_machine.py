"""An outbox in a file and its model in a dictionary, under the same operations of two workers, a person and a clock.

- The model takes the next row from the core (``next_row``). It decides by itself which rows are claimed, counted and listed.
- The test knows which messages arrived. A worker may send such a message again only if its row is marked as repeated.
- A killed worker forgets the rows that it holds, before it sent them or after. Nothing else happens.
- In the end a healthy worker drains the outbox, and no row waits any more.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.core.outbox.state_machine import (
    TOLERATED,
    Buried,
    Claimed,
    Grouped,
    OutcomeKnown,
    RefusedEvent,
    Released,
    RetryAsked,
    RowEvent,
    claimable,
    next_row,
    rewound,
)
from tocsin.core.outbox.status import StatusCount
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Rejected, Retryable
from tocsin.shell.outbox.store import Store

START = 1_800_000_000.0
LEASE = 60.0
DAY = 86_400.0
LONG_POLICY = RetryPolicy(attempts=99, initial_delay=10.0, max_delay=600.0, deadline=9 * DAY)

DESTINATIONS = st.sampled_from(["slack:TEAM", "slack:TEAM", "gmail:EMAIL_USERNAME"])
KEYS = tuple(f"run.load..{number}.0" for number in range(6))
WORKERS = st.sampled_from([0, 1])

ARRIVED = (Delivered(), Ambiguous("no answer"))
NOT_ARRIVED = (Retryable("busy"), Rejected("too long"), DestinationDead("revoked"))


@attrs.define(eq=False)
class Clock:
    """A clock that a test sets."""

    time: float = START


class Clocked(Store):
    """A store with such a clock."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url)
        self.clock = clock

    @override
    def now(self) -> float:
        return self.clock.time


@attrs.define(eq=False)
class Worker:
    """A worker: its store, the name of its lease, and the rows that it holds."""

    store: Clocked
    name: str = ""
    holds: list[Row] = attrs.field(factory=list[Row])


def named(share: list[Row]) -> str:
    """Return the key of the message that contains these rows: an earlier digest, the row itself, or a new digest."""
    first = share[0]
    return first.digest or (first.key if len(share) == 1 else f"{first.key} and {len(share) - 1} more")


def busy(machine: "OutboxMachine") -> bool:
    """Return whether a worker holds a row."""
    return any(worker.holds for worker in machine.workers)


def due(machine: "OutboxMachine") -> bool:
    """Return whether a row is due."""
    return any(claimable(row, machine.clock.time) for row in machine.model.values())


class OutboxMachine(RuleBasedStateMachine):
    """All operations on an outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name) / 'outbox.sqlite'}"
        self.clock = Clock()
        self.workers = [Worker(Clocked(self.url, self.clock)) for _ in range(2)]
        self.model: dict[str, Row] = {}
        self.arrived: set[str] = set()
        self.leases = 0

    @property
    def store(self) -> Clocked:
        """The store for operations that any worker may do."""
        return self.workers[0].store

    def close(self) -> None:
        for worker in self.workers:
            worker.store.close()

    # --- insertion ------------------------------------------------------------------------------------------------------------

    @initialize(keys=st.lists(st.sampled_from(KEYS), min_size=4, max_size=9), destination=DESTINATIONS)
    def begin(self, keys: list[str], destination: str) -> None:
        self.put(keys, destination)

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3), destination=DESTINATIONS)
    def put(self, keys: list[str], destination: str) -> None:
        """Put several messages at once; some may be in the outbox already, or occur twice."""
        at = self.clock.time
        rows = [Row.new(key=key, destination=destination, kind="PostToSlack", version=1, body="{}", at=at) for key in keys]
        taken = []
        for row in rows:
            taken.append(row.key not in self.model)
            self.model.setdefault(row.key, row)
        assert self.store.put(rows) == tuple(taken)

    # --- workers --------------------------------------------------------------------------------------------------------------

    @precondition(due)
    @rule(worker=WORKERS, destination=DESTINATIONS, most=st.sampled_from([1, 3, 1000]))
    def claim(self, worker: int, destination: str, most: int) -> None:
        """Claim rows. The worker forgets the rows that it held, since it holds one claim."""
        if not self.claimed(destination, most):
            destination = next(row.destination for row in self.by_due() if claimable(row, self.clock.time))
        self.leases += 1
        name, who = f"worker-{worker}.{self.leases}", self.workers[worker]
        event = Claimed(self.clock.time, name, self.clock.time + LEASE)
        expected = [self.followed(row.key, event) for row in self.claimed(destination, most)]
        who.name, who.holds = name, list(who.store.claim(destination, name, seconds=LEASE, most=most))
        assert who.holds == expected

    def claimed(self, destination: str, most: int) -> list[Row]:
        """Return the rows that a claim gets: if the first may have arrived in a digest, the rows of that digest alone."""
        due = [row for row in self.by_due() if row.destination == destination and claimable(row, self.clock.time)]
        together = [row for row in due if row.digest == due[0].digest]
        return together if together and together[0].digest is not None else together[:most]

    def by_due(self) -> list[Row]:
        """Return all rows by the time they are due, then by insertion."""
        return sorted(self.model.values(), key=lambda row: row.due)

    @precondition(busy)
    @rule(worker=WORKERS, outcome=st.sampled_from([*ARRIVED, *NOT_ARRIVED]), together=st.booleans())
    def send(self, worker: int, outcome: Outcome, together: bool) -> None:
        """Send the first row that a worker holds, or all in one message; its lease may have ended."""
        who = self.busy(worker)
        sent = self.begun(who, together=together)
        self.tried(sent, arrived=outcome in ARRIVED)
        at = self.clock.time
        self.happen(who, [(row.key, OutcomeKnown(at, who.name, outcome, 0.5, LONG_POLICY)) for row in sent])

    @precondition(busy)
    @rule(worker=WORKERS, begin=st.booleans(), arrived=st.booleans(), together=st.booleans(), later=st.sampled_from([0.0, LEASE]))
    def kill(self, worker: int, begin: bool, arrived: bool, together: bool, later: float) -> None:
        """Kill a worker before it sends, or before it can record that it did."""
        who = self.busy(worker)
        if begin:
            self.tried(self.begun(who, together=together), arrived=arrived)
        who.holds = []
        self.clock.time += later

    @precondition(busy)
    @rule(worker=WORKERS, pause=st.sampled_from([0.0, 10.0]))
    def release(self, worker: int, pause: float) -> None:
        who, at = self.busy(worker), self.clock.time
        self.happen(who, [(row.key, Released(at, who.name, at + pause)) for row in who.holds])
        who.holds = []

    def busy(self, worker: int) -> Worker:
        """Return this worker if it holds a row, else the other."""
        return self.workers[worker] if self.workers[worker].holds else self.workers[1 - worker]

    def begun(self, who: Worker, *, together: bool) -> list[Row]:
        """Record the rows to send as one message, and return those that still belong to the worker."""
        lost = [row for row in who.holds if row.digest is not None]
        share = lost or (who.holds if together else who.holds[:1])
        who.holds = [row for row in who.holds if row not in share]
        at = self.clock.time
        noted = self.happen(who, [(row.key, Grouped(at, who.name, named(share))) for row in share])
        return [row for row in noted if isinstance(row, Row)]

    def tried(self, sent: list[Row], *, arrived: bool) -> None:
        """Let the sent rows arrive, or not."""
        for row in sent:
            assert row.repeated or row.key not in self.arrived
            if arrived:
                self.arrived.add(row.key)

    # --- people ---------------------------------------------------------------------------------------------------------------

    @rule(key=st.sampled_from(KEYS), bury=st.booleans())
    def by_hand(self, key: str, bury: bool) -> None:
        at = self.clock.time
        self.happen(self.workers[0], [(key, Buried(at) if bury else RetryAsked(at))])

    @rule(age=st.sampled_from([-1.0, 0.0, 60.0]), statuses=st.sampled_from([(), (Status.DEAD, Status.UNKNOWN)]))
    def purge(self, age: float, statuses: tuple[Status, ...]) -> None:
        before = self.clock.time - age
        wanted = statuses or (Status.DELIVERED,)
        gone = [row.key for row in self.model.values() if row.status in wanted and row.ended is not None and row.ended < before]
        removed = self.store.purge(before, statuses) if statuses else self.store.purge(before)
        assert removed == len(gone)
        for key in gone:
            del self.model[key]
            self.arrived.discard(key)  # inserted again, it is another message

    # --- clocks ---------------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 10.0, LEASE, 2 * LEASE, 700.0, DAY]))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule(seconds=st.sampled_from([-5.0, -3600.0, -DAY, -9 * DAY, 9 * DAY]))
    def set_the_clock(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule()
    def rewind(self) -> None:
        """Repair the rows that wait since a moment in the future. No row waits for longer than it was put off or leased for."""
        at = self.clock.time
        changed = {key: rewound(row, at) for key, row in self.model.items() if rewound(row, at) is not row}
        assert self.store.rewind() == len(changed)
        self.model.update(changed)
        for row in self.model.values():
            if row.status in WAITING:
                assert row.pause is not None
                assert row.due <= at + (0.0 if row.status is Status.PENDING else row.pause) + TOLERATED

    @rule()
    def reopen(self) -> None:
        self.close()
        for worker in self.workers:
            worker.store = Clocked(self.url, self.clock)

    # --- the model ------------------------------------------------------------------------------------------------------------

    def happen(self, who: Worker, events: list[tuple[str, RowEvent]]) -> tuple[Row | RefusedEvent, ...]:
        """Apply the events to the outbox and the model, and check that both agree."""
        expected = tuple(self.followed(key, event) for key, event in events)
        assert who.store.advance(events) == expected
        return expected

    def followed(self, key: str, event: RowEvent) -> Row | RefusedEvent:
        if key not in self.model:
            return RefusedEvent(f"there is no {key} in the outbox")
        row = next_row(self.model[key], event)
        if isinstance(row, Row):
            self.model[key] = row
        return row

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        assert self.store.rows(limit=1000) == tuple(self.model.values())

    @invariant()
    def what_is_due_is_known(self) -> None:
        at = self.clock.time
        waiting = [row for row in self.model.values() if row.status in WAITING]
        agenda = self.store.agenda()
        assert sorted(agenda.due) == sorted({row.destination for row in waiting if claimable(row, at)})
        assert agenda.next == min((row.due - at for row in waiting if not claimable(row, at)), default=None)

    @rule()
    def look(self) -> None:
        """Check what the commands show."""
        assert {row.key: row for row in self.store.find(KEYS)} == self.model
        made: dict[tuple[str, Status], list[float]] = {}
        for row in self.model.values():
            made.setdefault((row.destination, row.status), []).append(row.made)
            assert row in self.store.rows(statuses=[row.status], destination=row.destination)
        assert set(self.store.census()) == {StatusCount(*group, len(times), min(times)) for group, times in made.items()}

    @override
    def teardown(self) -> None:
        self.drain()
        self.close()
        self.folder.cleanup()

    def drain(self) -> None:
        """Let a healthy worker send until no row waits."""
        for _ in range(10 * len(KEYS)):
            agenda = self.store.agenda()
            for destination in agenda.due:
                self.claim(0, destination, 1000)
                while self.workers[0].holds:
                    self.send(0, Delivered(), together=True)
            self.clock.time += 0.0 if agenda.due or agenda.next is None else agenda.next
        assert not [row for row in self.model.values() if row.status in WAITING]
        self.it_is_as_the_model_says()
        self.look()
