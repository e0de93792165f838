"""The whole delivery chain in simulated time: an unreliable timer, a scripted destination, and a queue like that of ``Background``."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import attrs
from returns.io import IOResult
from typing_extensions import override

from tocsin.core.changes import Key
from tocsin.core.delivery.combining import outcome_in_digest
from tocsin.core.delivery.destinations import audience
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.rendering import content_of
from tocsin.core.effects import CallBack, Effect, Message, PostToSlack, SendEmail
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Receipt
from tocsin.shell.adapters.clock import Timer
from tocsin.shell.adapters.time_limits import with_deadline
from tocsin.shell.interpreter import Batching, Interpreter, execute, result_of

Slip = Literal["exact", "early", "still", "suspended"]
"""How a wait goes wrong: it lasts as long as it should, or half as long, or not at all; or the machine sleeps an hour meanwhile."""

Place = Literal["slack", "one by mail", "two by mail"]
"""The destination of a message. Both kinds of mail use one account, and so one queue."""

Kind = Literal["failed", "success", "by hand"]
"""What a message reports; a message made by hand has no content."""

KINDS: tuple[Kind, ...] = ("failed", "failed", "success", "by hand")
HOUR = 3600.0
_NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@attrs.define(eq=False)
class Simulated(Timer):
    """A timer whose time passes in waits, and where a test sets it."""

    time: float = 1000.0
    slips: deque[Slip] = attrs.field(factory=deque[Slip])
    waits: list[float] = attrs.field(factory=list[float])

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if seconds > 0:
            slip = self.slips.popleft() if self.slips else "exact"
            self.time += {"exact": seconds, "early": seconds / 2, "still": 0.0, "suspended": seconds + HOUR}[slip]


@attrs.frozen
class Answer:
    """The outcome of a try, and the seconds that it takes."""

    outcome: Outcome
    takes: float = 0.0


@attrs.frozen
class Tried:
    """A message that was tried, with the outcome."""

    message: Message
    outcome: Outcome


@attrs.define(eq=False)
class Scripted:
    """A destination with scripted answers; without a script, it accepts everything at once."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says
    timer: Simulated
    answers: deque[Answer] = attrs.field(factory=deque[Answer])
    tries: list[Tried] = attrs.field(factory=list[Tried])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        assert not isinstance(effect, CallBack)
        answer = self.answers.popleft() if self.answers else Answer(Delivered())
        self.timer.time += answer.takes
        self.tries.append(Tried(effect, answer.outcome))
        return result_of(answer.outcome)


@attrs.frozen
class Turn:
    """One turn of a message: when it began, its tries and the pauses between them, its outcome, and when it ended."""

    message: Message
    began: float
    tries: Sequence[Tried]
    pauses: Sequence[float]
    outcome: Outcome
    ended: float


@attrs.define(eq=False)
class Turns:
    """Records each turn, between the rate limit and the retries."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    inner: Interpreter
    destination: Scripted
    taken: list[Turn] = attrs.field(factory=list[Turn])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        assert not isinstance(effect, CallBack)
        timer, tries = self.destination.timer, self.destination.tries
        began, tried, waited = timer.time, len(tries), len(timer.waits)
        outcome = execute(self.inner, effect)
        self.taken.append(Turn(effect, began, tries[tried:], timer.waits[waited:], outcome, timer.time))
        return result_of(outcome)


@attrs.frozen(eq=False)
class Entry:
    """A waiting message, and the keys of the messages that it represents."""

    message: Message
    stands_for: tuple[Key, ...]


@attrs.define(eq=False)
class DestinationQueue:
    """The queue of one destination, with the outcome of each message. A full queue folds its messages into digests."""

    digest: Batching
    timer: Simulated
    size: int
    coming: deque[tuple[float, Message]] = attrs.field(factory=deque[tuple[float, Message]])
    waiting: list[Entry] = attrs.field(factory=list[Entry])
    ended: dict[Key, Outcome] = attrs.field(factory=dict[Key, Outcome])

    def send(self) -> Sequence[Entry]:
        """Wait for the next messages, send them, and return them."""
        if self.coming and not self.waiting:
            self.timer.time = max(self.timer.time, self.coming[0][0])
        while self.coming and self.coming[0][0] <= self.timer.time:
            self._put(self.coming.popleft()[1])
        batch, self.waiting = self.waiting, []
        outcomes = self.digest.batch([entry.message for entry in batch])
        for entry, outcome in zip(batch, outcomes, strict=True):
            known = outcome_in_digest(outcome, entry.message) if len(entry.stands_for) > 1 else outcome
            for key in entry.stands_for:
                assert key not in self.ended
                self.ended[key] = known
        return batch

    def _put(self, message: Message) -> None:
        if len(self.waiting) >= self.size:
            groups = grouped(self.waiting).values()
            self.waiting = [Entry(fold([e.message for e in group]), tuple(k for e in group for k in e.stands_for)) for group in groups]
        self.waiting.append(Entry(message, (message.key,)))


def grouped(entries: Iterable[Entry]) -> dict[object, list[Entry]]:
    """Group the entries by their audience."""
    groups: dict[object, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(audience(entry.message), []).append(entry)
    return groups


def made(place: Place, ordinal: int, kind: Kind) -> Message:
    """Return a message with a unique name, as a notifier makes it or, for "by hand", without a content."""
    name, state, failed = f"load {ordinal}", kind.capitalize(), kind == "failed"
    content = Content(name, f"{name}: {state}", name, state, failed, "#eb0000", _NOON + timedelta(seconds=ordinal), ())
    key, kept = Key("run", name, None, ordinal, 0), None if kind == "by hand" else content
    if place == "slack":
        return PostToSlack("SLACK_WEBHOOK_URL", slack_message(content), key, content=kept)
    return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", mail(content, (f"{place[:3]}@example.com",)), key, kept)


def names(message: Message) -> Counter[str]:
    """Return the names in a message, and how often each occurs."""
    content = content_of(message)
    return Counter(dict(content.names)) if isinstance(content, DigestSummary) else Counter([content.name])


def count(message: Message) -> int:
    """Return how many changes a message reports."""
    content = content_of(message)
    return content.count if isinstance(content, DigestSummary) else 1


@contextmanager
def limited(timer: Timer, seconds: float | None) -> Iterator[None]:
    """Set a deadline so many seconds ahead; None sets no deadline."""
    if seconds is None:
        yield
    else:
        with with_deadline(timer.monotonic() + seconds):
            yield
