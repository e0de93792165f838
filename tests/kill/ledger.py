"""What was acknowledged, what the server accepted, and where each kill fell: from which follows what was lost, and what came twice."""

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from tests.servers.slack import Request, SlackServer
from tocsin.shell.outbox.store import Store

MARK = "Possibly repeated:"


@attrs.frozen
class Told:
    """A message that the server accepted.

    Args:
        key: at its foot.
        text: what people read on their telephones.
    """

    key: str
    text: str

    @classmethod
    def of(cls, request: Request) -> "Told":
        """What a request says."""
        (attachment,) = json.loads(request.body)["attachments"]
        (key,) = re.findall(r"key (\S+)$", attachment["footer"])
        return cls(key, attachment["fallback"])

    @property
    def count(self) -> int:
        """How many messages it stands for."""
        many = re.search(r"([\d,]+) (?:changes|failures) in ", self.text)
        return 1 if many is None else int(many[1].replace(",", ""))


@attrs.frozen
class Stored:
    """A row, as it is kept.

    Args:
        status: where it stands.
        digest: the key of what it is a part of, or of what it is sent as.
    """

    status: str
    digest: str | None


Rows = Mapping[str, Stored]
"""What is in an outbox, by key."""


def in_file(file: Path) -> Rows:
    """The rows as they lie in a file, of which a copy is read: whoever opened it would repair it, in place of the next process."""
    scratch = file.parent / "copy"
    scratch.mkdir(exist_ok=True)
    copy = scratch / file.name
    for ending in ("", "-wal", "-journal"):
        part, other = Path(f"{file}{ending}"), Path(f"{copy}{ending}")
        other.unlink(missing_ok=True)
        if part.exists():
            shutil.copyfile(part, other)
    with closing(sqlite3.connect(copy)) as connection:
        if not connection.execute("SELECT * FROM sqlite_master WHERE name = 'messages'").fetchall():
            return {}
        found = connection.execute("SELECT key, status, digest FROM messages").fetchall()
    return {key: Stored(status, digest) for key, status, digest in found}


def in_database(url: str) -> Rows:
    """The rows in a server."""
    with closing(Store(url)) as store:
        return {row.key: Stored(row.status.value, row.digest) for row in store.rows(limit=1_000_000)}


@attrs.define
class Ledger:
    """Keeps the account of one outbox.

    Args:
        server: whom people are told by.
        notes: what the outbox acknowledged.
        rows: reads what is in it.

    Attributes:
        narrow: how often a kill fell between the server's answer and the mark, by the key of the message.
    """

    server: SlackServer
    notes: Path
    rows: Callable[[], Rows]
    narrow: Counter[str] = attrs.field(factory=Counter[str])
    _seen: int = 0

    def look(self) -> None:
        """Somebody was killed: see what the server accepted from that life, of which the outbox does not know that it was."""
        self.server.hang_up()
        told = self.told
        fresh, self._seen = told[self._seen :], len(told)
        if fresh:
            done = {name for key, row in self.rows().items() if row.status == "delivered" for name in (key, row.digest)}
            self.narrow.update(told.key for told in fresh if told.key not in done)

    @property
    def told(self) -> Sequence[Told]:
        """All that the server accepted: who is killed while it sends leaves half a request."""
        whole = [request for request in self.server.requests if len(request.body) == int(request.headers["content-length"])]
        return [Told.of(request) for request in whole]

    @property
    def acknowledged(self) -> Sequence[str]:
        """The keys of what the outbox acknowledged."""
        return [line.split()[0] for line in self.notes.read_text().splitlines()] if self.notes.exists() else []

    @property
    def doubles(self) -> Counter[str]:
        """How often each message came again, by its key."""
        return Counter(again.key for again in self.again)

    @property
    def again(self) -> Sequence[Told]:
        """The messages that came again."""
        seen, again = set[str](), list[Told]()
        for told in self.told:
            if told.key in seen:
                again.append(told)
            seen.add(told.key)
        return again

    def lost(self, rows: Rows) -> Sequence[str]:
        """What was acknowledged, and is in no message that the server accepted: neither by itself nor in a digest."""
        arrived = {told.key for told in self.told}
        return [key for key in self.acknowledged if key not in arrived and (key not in rows or rows[key].digest not in arrived)]

    def miscounted(self, rows: Rows) -> Sequence[Told]:
        """Messages that stand for another number of rows than they say."""
        members = Counter(row.digest for row in rows.values())
        return [told for told in self.told if told.count != (1 if told.key in rows else members[told.key])]
