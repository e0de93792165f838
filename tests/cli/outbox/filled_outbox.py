"""Fills a real outbox file with messages of given statuses, through the store itself."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import attrs

from tests.cli.examples import effects
from tocsin.core.changes import Key
from tocsin.core.effects import Message, PostToSlack, SendEmail
from tocsin.core.outbox.model import Row, Status
from tocsin.core.outbox.state_machine import OutcomeKnown
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Rejected, Retryable
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store

SLACK = "slack:SLACK_WEBHOOK_URL"
GMAIL = "gmail:EMAIL_USERNAME"
LEASE = 3600.0

_OUTCOMES: dict[Status, Outcome] = {
    Status.DELIVERED: Delivered(),
    Status.DEAD: Rejected("no_such_team"),
    Status.UNKNOWN: Ambiguous("no answer came"),
    Status.DELAYED: Retryable("Slack is busy"),
}


def message(number: int, slug: str = "load", *, mail: bool = False) -> Message:
    """Return a message with a key of its own."""
    found = effects()[int(mail)]
    assert isinstance(found, PostToSlack | SendEmail)
    return attrs.evolve(found, key=Key("r1", slug, None, number, 0))


def key(number: int) -> str:
    """Return the key of its row."""
    return f"r1.load..{number}.0"


@attrs.frozen
class Kept:
    """The outbox in a file."""

    path: Path

    @property
    def url(self) -> str:
        """The file, as a URL."""
        return f"sqlite:///{self.path}"

    def put(self, *statuses: Status, mail: bool = False) -> None:
        """Put in a message of each status: the first is number 0, the next number 1, and so on."""
        with_store(self.url, lambda store: self._put(store, statuses, mail=mail))

    def put_row(self, row: Row) -> None:
        """Put in a row unchanged, also a damaged one."""
        with_store(self.url, lambda store: store.put([row]))

    def rows(self) -> dict[str, Row]:
        """Return all rows by key."""
        found: list[Row] = []
        with_store(self.url, lambda store: found.extend(store.rows(limit=10_000)))
        return {row.key: row for row in found}

    def status(self, number: int) -> Status:
        """Return the status of a message."""
        return self.rows()[key(number)].status

    def _put(self, store: Store, statuses: Sequence[Status], *, mail: bool) -> None:
        for number, status in enumerate(statuses):
            row = new_row(message(number, mail=mail), store.now())
            assert store.put([row]) == (True,)
            if status is not Status.PENDING:
                self._move(store, row, status)

    def _move(self, store: Store, row: Row, status: Status) -> None:
        claim = f"worker-{row.key}"
        claimed = store.claim(row.destination, claim, seconds=LEASE)
        (leased,) = [each for each in claimed if each.key == row.key]
        assert claimed == (leased,), "put in what is pending last"
        if status is not Status.LEASED:
            (moved,) = store.advance([(row.key, OutcomeKnown(store.now(), claim, _OUTCOMES[status], 0.5))])
            assert isinstance(moved, Row)
            assert moved.status is status


def with_store(url: str, act: Callable[[Store], object]) -> None:
    """Do something with the outbox, and close it."""
    with closing(Store(url)) as store:
        act(store)
