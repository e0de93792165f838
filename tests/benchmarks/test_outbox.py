"""Cost of storing a message on disk before it is sent, and of sending it from there.

Each commit waits for the disk (``synchronous=FULL``), ours and the others'. The faster the disk, the larger Python's share of the
time, and the worse the ratio: the first line of the table is the disk alone.
"""

from collections.abc import Iterator
from contextlib import closing
from operator import attrgetter
from pathlib import Path
from time import perf_counter

import attrs
import pytest

from tests.benchmarks.outboxes import STORES, Bare, Destination, Messages, appending, bare, keeping
from tests.benchmarks.peers import Peer
from tests.benchmarks.rates import Sender, compare
from tests.benchmarks.ratios import Rivals
from tocsin import flush
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.state_machine import OutcomeKnown
from tocsin.core.outcomes import Delivered
from tocsin.interpreters import Outbox
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store

pytestmark = pytest.mark.tocsin_live

_BATCH = 100
_LEAST = 20_000.0  # wanted messages per second in batches
_LEASE = 3600.0
_PATIENCE = 60.0  # seconds


@attrs.frozen(eq=False)
class Desk:
    """An outbox and a bare table on one disk, and the messages stored in them in turns."""

    rivals: Rivals
    folder: Path
    bare: Bare
    store: Store
    messages: Messages = attrs.field(factory=Messages)

    @property
    def calls(self) -> int:
        """Number of messages per round."""
        return 100 if self.rivals.benchmark.enabled else 2

    def limit(self, share: int = 1) -> Sender:
        """Return a sender for the bare table."""
        return keeping(lambda: self.messages.rows(share), self.bare.put, calls=self.calls, share=share)

    def kept(self) -> dict[Status, int]:
        """Return the number of messages in the outbox by status."""
        return {census.status: census.count for census in self.store.census()}


@pytest.fixture
def desk(rivals: Rivals, tmp_path: Path) -> Iterator[Desk]:
    """An empty outbox and an empty bare table."""
    with bare(tmp_path) as table, closing(Store(f"sqlite:///{tmp_path}/outbox.sqlite")) as store:
        yield Desk(rivals, tmp_path, table, store)


@pytest.fixture(params=["slow", "fast"])
def destination(request: pytest.FixtureRequest) -> Destination:
    """A destination that blocks, or one that returns at once; with the latter, sending runs beside storing the next message."""
    destination = Destination()
    if request.param == "fast":
        destination.open.set()
    return destination


@pytest.fixture
def outbox(desk: Desk, destination: Destination) -> Iterator[Outbox]:
    """The outbox of the desk, with its background worker."""
    with closing(Outbox(destination, f"sqlite:///{desk.folder}/outbox.sqlite", min_interval=0.0)) as outbox:
        yield outbox
        destination.open.set()


def _speed(destination: Destination) -> str:
    return "fast" if destination.open.is_set() else "slow"


def test_the_disk(desk: Desk) -> None:
    path = desk.folder / "log"
    with appending(path) as append:
        log = keeping(desk.messages.row, append, calls=desk.calls)
        compare(desk.rivals, "append and fdatasync, against bare sqlite3", 0, log, desk.limit())
    assert path.stat().st_size >= log.sent * 500


def test_a_row(desk: Desk) -> None:
    ours = keeping(lambda: desk.messages.rows(1), desk.store.put, calls=desk.calls)
    compare(desk.rivals, "Store.put of one row, against bare sqlite3", 0.7, ours, desk.limit())
    assert desk.kept() == {Status.PENDING: ours.sent}


def test_a_message_made_a_row(rivals: Rivals) -> None:
    message = Messages().one()
    names = {"new_row": new_row, "message": message}
    rivals("a message made a row, against its JSON for Slack", 5, names, "new_row(message, 0.0)", "message.payload.to_json()")


def test_a_message(desk: Desk, outbox: Outbox, destination: Destination) -> None:
    ours = keeping(desk.messages.one, outbox, calls=desk.calls)
    compare(desk.rivals, f"Outbox(inner)(effect), {_speed(destination)} inner, against bare sqlite3", 0.7, ours, desk.limit())
    destination.open.set()
    assert flush(_PATIENCE)
    assert desk.kept() == {Status.DELIVERED: ours.sent}


@pytest.mark.parametrize("peer", STORES, ids=attrgetter("name"))
def test_a_peer(desk: Desk, peer: Peer) -> None:
    if peer.missing:
        pytest.skip(f"{peer.package} is not installed")
    with peer.sending({"FOLDER": str(desk.folder / "peer"), "MESSAGE": desk.messages.row().body}) as seconds:
        compare(desk.rivals, f"{peer}, against bare sqlite3", 0, Sender(seconds, desk.calls), desk.limit())


def test_rows_in_batches(desk: Desk) -> None:
    ours = keeping(lambda: desk.messages.rows(_BATCH), desk.store.put, calls=desk.calls // 2, share=_BATCH)
    compare(desk.rivals, "Store.put of 100 rows, against bare sqlite3", 0, ours, desk.limit(_BATCH), least=_LEAST)
    assert desk.kept() == {Status.PENDING: ours.sent}


@pytest.mark.parametrize("destination", ["slow"], indirect=True)
def test_messages_in_batches(desk: Desk, outbox: Outbox) -> None:
    ours = keeping(lambda: desk.messages.ones(_BATCH), outbox.batch, calls=desk.calls // 2, share=_BATCH)
    compare(desk.rivals, "Outbox.batch of 100, slow inner, against bare sqlite3", 0, ours, desk.limit(_BATCH), least=_LEAST)
    assert sum(desk.kept().values()) == ours.sent


def test_a_claim_and_a_mark(desk: Desk) -> None:
    """Rows claimed together share a commit; each mark has its own."""

    def ours(count: int) -> float:
        desk.store.put(desk.messages.rows(count))
        (goal,) = desk.store.agenda().due
        began = perf_counter()
        for row in desk.store.claim(goal, "worker.1", seconds=_LEASE, most=count):
            desk.store.advance([(row.key, OutcomeKnown(desk.store.now(), "worker.1", Delivered(), 0.5))])
        return perf_counter() - began

    def limit(count: int) -> float:
        desk.bare.put(desk.messages.rows(count))
        began = perf_counter()
        desk.bare.take(count)
        return perf_counter() - began

    sender = Sender(ours, desk.calls)
    compare(desk.rivals, "a claim of 100 and a mark for each, against bare sqlite3", 0, sender, Sender(limit, desk.calls))
    assert desk.kept() == {Status.DELIVERED: sender.sent}
