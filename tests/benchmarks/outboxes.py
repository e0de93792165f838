"""Ways to keep a message on disk, ours and others', each of which has it there when it says so.

All are in one folder, and so on one disk: what a commit costs is the disk's affair, and the same for all. Where temporary files are
kept in memory a commit costs nothing, and the ratios compare what is done in Python, and nothing else.
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
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, received
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

KEEPERS = (
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
    """Makes messages, no two with the same key."""

    pattern: PostToSlack = attrs.field(factory=_message)
    made: int = 0

    def one(self) -> PostToSlack:
        """The next message."""
        self.made += 1
        return attrs.evolve(self.pattern, key=attrs.evolve(self.pattern.key, ordinal=self.made))

    def row(self) -> Row:
        """The next message, as a row."""
        return new_row(self.one(), 0.0)

    def ones(self, count: int) -> list[PostToSlack]:
        """So many messages."""
        return [self.one() for _ in range(count)]

    def rows(self, count: int) -> list[Row]:
        """So many messages, as rows."""
        return [self.row() for _ in range(count)]


@attrs.frozen(eq=False)
class Bare:
    """The standard library's sqlite3, and a table of numbered texts. WAL and synchronous=FULL, as in the outbox."""

    connection: sqlite3.Connection

    def put(self, rows: Sequence[Row]) -> None:
        """Commit the bodies of the rows."""
        with self.connection:
            self.connection.executemany("INSERT INTO messages (body) VALUES (?)", [(row.body,) for row in rows])

    def take(self, count: int) -> None:
        """Mark so many as taken, in one commit, and then as done, in one commit each."""
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
    """A table in a file of its own."""
    with closing(sqlite3.connect(folder / "bare.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE messages (number INTEGER PRIMARY KEY, body TEXT, status TEXT)")
        connection.execute("CREATE INDEX waiting ON messages (number) WHERE status IS NULL")
        yield Bare(connection)


@contextmanager
def appending(path: Path) -> Iterator[Callable[[Row], None]]:
    """What appends the body of a row to a file and forces it to the disk, which is the least that anything durable does."""
    with path.open("ab", buffering=0) as file:

        def append(row: Row) -> None:
            file.write(row.body.encode())
            os.fdatasync(file.fileno())

        yield append


@attrs.frozen(eq=False)
class Destination:
    """Takes what it is sent, once it is ``open``."""

    open: threading.Event = attrs.field(factory=threading.Event)

    notify = "live"

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        """Take it."""
        self.open.wait()
        return received(Delivered())


def keeping(make: Callable[[], _T], keep: Callable[[_T], object], *, calls: int, share: int = 1) -> Sender:
    """Keeps messages, in so many calls in a row, each with what was made before; a call keeps ``share`` of them."""

    def seconds(messages: int) -> float:
        made = [make() for _ in range(messages // share)]
        began = perf_counter()
        for one in made:
            keep(one)
        return perf_counter() - began

    return Sender(seconds, calls * share)
