"""A ledger of acknowledged and accepted messages, which tells which were lost and which were sent twice."""

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
class SentMessage:
    """A message that the server accepted.

    Args:
        key: the key at its foot.
        text: its fallback text, which telephones show.
    """

    key: str
    text: str

    @classmethod
    def of(cls, request: Request) -> "SentMessage":
        """Return the message of a request."""
        (attachment,) = json.loads(request.body)["attachments"]
        (key,) = re.findall(r"key (\S+)$", attachment["footer"])
        return cls(key, attachment["fallback"])

    @property
    def count(self) -> int:
        """How many messages it stands for; more than 1 for a digest."""
        many = re.search(r"([\d,]+) (?:changes|failures) in ", self.text)
        return 1 if many is None else int(many[1].replace(",", ""))


@attrs.frozen
class Stored:
    """A stored row.

    Args:
        status: its status.
        digest: the key of the message in which it is sent: its own, or that of a digest.
    """

    status: str
    digest: str | None


Rows = Mapping[str, Stored]
"""The rows of an outbox, by key."""


def in_file(file: Path) -> Rows:
    """Return the rows of a copy of the file: to open the file itself would recover it, which is left to the next process."""
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
    """Return the rows on a server."""
    with closing(Store(url)) as store:
        return {row.key: Stored(row.status.value, row.digest) for row in store.rows(limit=1_000_000)}


@attrs.define
class Ledger:
    """The ledger of one outbox.

    Args:
        server: records the messages.
        notes: the file of acknowledged messages.
        rows: reads the rows of the outbox.

    Attributes:
        narrow: how often a kill fell between the answer of the server and its record in the outbox, by the key of the message.
    """

    server: SlackServer
    notes: Path
    rows: Callable[[], Rows]
    narrow: Counter[str] = attrs.field(factory=Counter[str])
    _seen: int = 0

    def look(self) -> None:
        """After a kill, count the messages that the server accepted and the outbox does not know to be delivered."""
        self.server.hang_up()
        sent = self.sent
        fresh, self._seen = sent[self._seen :], len(sent)
        if fresh:
            done = {name for key, row in self.rows().items() if row.status == "delivered" for name in (key, row.digest)}
            self.narrow.update(sent.key for sent in fresh if sent.key not in done)

    @property
    def sent(self) -> Sequence[SentMessage]:
        """All messages that the server accepted, without the incomplete requests of killed processes."""
        whole = [request for request in self.server.requests if len(request.body) == int(request.headers["content-length"])]
        return [SentMessage.of(request) for request in whole]

    @property
    def acknowledged(self) -> Sequence[str]:
        """The keys of the acknowledged messages."""
        return [line.split()[0] for line in self.notes.read_text().splitlines()] if self.notes.exists() else []

    @property
    def doubles(self) -> Counter[str]:
        """How often each message was repeated, by its key."""
        return Counter(repeated.key for repeated in self.repeated)

    @property
    def repeated(self) -> Sequence[SentMessage]:
        """The repeated messages."""
        seen, repeated = set[str](), list[SentMessage]()
        for sent in self.sent:
            if sent.key in seen:
                repeated.append(sent)
            seen.add(sent.key)
        return repeated

    def lost(self, rows: Rows) -> Sequence[str]:
        """Return the keys of acknowledged messages that the server accepted neither singly nor in a digest."""
        arrived = {sent.key for sent in self.sent}
        return [key for key in self.acknowledged if key not in arrived and (key not in rows or rows[key].digest not in arrived)]

    def miscounted(self, rows: Rows) -> Sequence[SentMessage]:
        """Return the messages whose count differs from the number of their rows."""
        members = Counter(row.digest for row in rows.values())
        return [sent for sent in self.sent if sent.count != (1 if sent.key in rows else members[sent.key])]
