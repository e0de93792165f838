"""Ways to store a message durably, ours and others'; each returns once the message is on disk.

All use one folder, and so one disk: a commit costs the same for all. If temporary files are kept in memory, a commit costs nothing,
and the ratios compare the work in Python alone.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import attrs
from returns.io import IOResult

from tests.benchmarks.peers import Peer
from tests.benchmarks.rates import Sender
from tocsin import Failed, Pending, Recording, Task, interpreting, slack_notifier
from tocsin.core.effects import Effect, PostToSlack
from tocsin.core.outbox.model import Row
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.shell.interpreter import result_of
from tocsin.shell.outbox.codec import new_row

_T = TypeVar("_T")

_SQLITE = """
import sqlite3
file, message = os.environ["FOLDER"] + ".sqlite", os.environ["MESSAGE"]
def send():
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS messages (number INTEGER PRIMARY KEY, body TEXT)")
        connection.execute("INSERT INTO messages (body) VALUES (?)", (message,))
    connection.close()
"""

_PERSIST_QUEUE = """
from persistqueue import SQLiteQueue
queue, message = SQLiteQueue(os.environ["FOLDER"], auto_commit=True), os.environ["MESSAGE"]
def send():
    queue.put(message)
"""

STORES = (
    Peer("sqlite3, opened for each", None, _SQLITE),
    Peer("persist-queue's SQLiteQueue", "persist-queue", _PERSIST_QUEUE),
)
"""Others who have a message on disk when they say so; as they come, which is with a commit for each message."""


def _message() -> PostToSlack:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Pending(), Failed("no such table: orders"))
    effect = recording.effects[0]
    assert isinstance(effect, PostToSlack)
    return effect


@attrs.define(eq=False)
class Messages:
    """Makes messages with distinct keys."""

    pattern: PostToSlack = attrs.field(factory=_message)
    made: int = 0

    def one(self) -> PostToSlack:
        """Make the next message."""
        self.made += 1
        return attrs.evolve(self.pattern, key=attrs.evolve(self.pattern.key, ordinal=self.made))

    def row(self) -> Row:
        """Make the next message as a row."""
        return new_row(self.one(), 0.0)

    def ones(self, count: int) -> list[PostToSlack]:
        """Make ``count`` messages."""
        return [self.one() for _ in range(count)]

    def rows(self, count: int) -> list[Row]:
        """Make ``count`` messages as rows."""
        return [self.row() for _ in range(count)]


@attrs.frozen(eq=False)
class Bare:
    """A table of numbered texts by the standard library's sqlite3, with WAL and synchronous=FULL as in the outbox."""

    connection: sqlite3.Connection

    def put(self, rows: Sequence[Row]) -> None:
        """Commit the bodies of the rows."""
        with self.connection:
            self.connection.executemany("INSERT INTO messages (body) VALUES (?)", [(row.body,) for row in rows])

    def take(self, count: int) -> None:
        """Mark ``count`` texts as taken in one commit, then as done in one commit each."""
        with self.connection:
            waiting = "SELECT number FROM messages WHERE status IS NULL ORDER BY number LIMIT ?"
            found: list[tuple[int]] = self.connection.execute(
                f"UPDATE messages SET status = 'taken' WHERE number IN ({waiting}) RETURNING number",  # noqa: S608 - our own words
                (count,),
            ).fetchall()
        for number in found:
            with self.connection:
                self.connection.execute("UPDATE messages SET status = 'done' WHERE number = ?", number)


@contextmanager
def bare(folder: Path) -> Iterator[Bare]:
    """Yield a new table in its own file."""
    with closing(sqlite3.connect(folder / "bare.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE messages (number INTEGER PRIMARY KEY, body TEXT, status TEXT)")
        connection.execute("CREATE INDEX waiting ON messages (number) WHERE status IS NULL")
        yield Bare(connection)


@contextmanager
def appending(path: Path) -> Iterator[Callable[[Row], None]]:
    """Yield a function that appends a row's body to a file and syncs it: the least work of any durable store."""
    with path.open("ab", buffering=0) as file:

        def append(row: Row) -> None:
            file.write(row.body.encode())
            os.fdatasync(file.fileno())

        yield append


@attrs.frozen(eq=False)
class Destination:
    """Accepts each message once ``open`` is set."""

    open: threading.Event = attrs.field(factory=threading.Event)

    notify = "live"

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Accept the message."""
        self.open.wait()
        return result_of(Delivered())


def keeping(make: Callable[[], _T], keep: Callable[[_T], object], *, calls: int, share: int = 1) -> Sender:
    """Return a sender that stores messages made in advance, by ``calls`` calls of ``share`` messages each."""

    def seconds(messages: int) -> float:
        made = [make() for _ in range(messages // share)]
        began = perf_counter()
        for one in made:
            keep(one)
        return perf_counter() - began

    return Sender(seconds, calls * share)
