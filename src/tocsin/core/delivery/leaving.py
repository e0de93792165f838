"""What would really leave: which of the messages of a dry run become digests, and when each goes, under the limits of delivery.

It simulates what sends for real (``Background(Digest(RateLimited(...)))``, or the worker of an outbox) by the same pure functions. Each
destination is taken to accept each message at once: nothing is retried.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from tocsin.core.delivery.destinations import Destination, audience, destination
from tocsin.core.delivery.digest import MIN_INTERVAL, THRESHOLD, fold, portions, regroup, singly
from tocsin.core.delivery.rate_limit import GMAIL, SLACK, Bucket, Rate, take
from tocsin.core.effects import CallBack, Effect, Message, SendEmail
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.values import Value

_CLAIM = 1000  # rows that a worker of the outbox claims at once
_LEASE = 30.0  # seconds in which it sends them


@attrs.frozen(eq=False, repr=False)
class Pacing(Value):
    """The limits of delivery.

    Args:
        slack: the rate limit of a Slack destination.
        gmail: the rate limit of a mail account.
        threshold: the number of messages to one audience that may wait before they are folded into a digest.
        min_interval: minimum seconds between two digests to one audience.
        max_queue: the number of messages that may wait for one destination; an outbox has no such limit.
        exit_timeout: seconds that a program waits at its end for unsent messages.
        outbox: whether messages that are not sent by then stay in an outbox.
    """

    slack: Rate = SLACK
    gmail: Rate = GMAIL
    threshold: int = THRESHOLD
    min_interval: float = MIN_INTERVAL
    max_queue: int = 1000
    exit_timeout: float = 10.0
    outbox: bool = False


@attrs.frozen(eq=False, repr=False)
class Departure(Value):
    """A message that leaves at ``at`` (aware); for a digest, ``count`` is the number of messages in it, else 1.

    ``stays`` says whether the program has ended by then, so that the message is still in the outbox.
    """

    message: Message
    at: datetime
    count: int
    stays: bool = False


@attrs.frozen(eq=False, repr=False)
class Leaving(Value):
    """What would leave.

    Args:
        departures: the messages that would leave, in order of time.
        unsent: how many messages would not leave, since the program ends before the limits let them go.
        calls: how many calls of users' functions there are beside them.
    """

    departures: tuple[Departure, ...]
    unsent: int = 0
    calls: int = 0

    @property
    def messages(self) -> int:
        """The number of messages before any are folded."""
        return sum(each.count for each in self.departures) + self.unsent


def leaving(recorded: Sequence[tuple[Effect, datetime]], ended: datetime, pacing: Pacing) -> Leaving:
    """Return what would leave of these effects.

    Args:
        recorded: each effect, and the aware time at which it came; in order of time.
        ended: the aware time at which the program begins to wait for its unsent messages.
        pacing: the limits of delivery.

    >>> from datetime import UTC
    >>> from tocsin import Failed, Recording, Running, Task, interpreting, slack_notifier
    >>> with interpreting(Recording()) as recording:
    ...     for number in range(14):
    ...         state = slack_notifier(Task(f"load {number}"), Running(), Failed("disk full"))
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> found = leaving([(effect, now) for effect in recording.effects], now, Pacing())
    >>> [departure.count for departure in found.departures]
    [14]
    """
    if not recorded:
        return Leaving(())
    start, queues, calls = recorded[0][1], dict[Destination, deque[tuple[float, Message]]](), 0
    for effect, at in recorded:
        where = destination(effect)
        if where is None or isinstance(effect, CallBack):
            calls += 1
        else:
            queues.setdefault(where, deque()).append((max((at - start).total_seconds(), 0.0), effect))
    end = max((ended - start).total_seconds(), 0.0)
    gone, unsent = list[tuple[float, Message]](), 0
    for where, arrivals in queues.items():
        rate = pacing.slack if where.channel == "slack" else pacing.gmail
        queue = _Queue(pacing, rate, end, arrivals)
        gone += queue.departures()
        unsent += queue.unsent
    gone.sort(key=lambda each: each[0])
    limit = end + pacing.exit_timeout
    departures = tuple(Departure(message, start + timedelta(seconds=at), count_of(message), at > limit) for at, message in gone)
    return Leaving(departures, unsent, calls)


def count_of(message: Message) -> int:
    """Return how many messages a message stands for: more than 1 for a digest."""
    return message.content.count if isinstance(message.content, DigestSummary) else 1


def whom(message: Message) -> str:
    """Return the destination of a message and, of a mail, its recipients.

    >>> from tocsin import Failed, Recording, Running, Task, gmail_notifier, interpreting
    >>> with interpreting(Recording()) as recording:
    ...     state = gmail_notifier(Task("load"), Running(), Failed("disk full"), to=["ops@example.com"])
    >>> whom(recording.mail[0])
    'Gmail (EMAIL_USERNAME) to ops@example.com'
    """
    people = [*(message.mail.recipients or ()), *message.mail.cc] if isinstance(message, SendEmail) else []
    return " to ".join([str(destination(message)), *([", ".join(people)] if people else [])])


@attrs.define
class _Queue:
    """The queue of one destination, and its only sender. Times are seconds from the first effect on.

    Args:
        pacing: the limits of delivery.
        rate: the rate limit of the destination.
        end: when the program begins to wait for its unsent messages.
        coming: the messages still to come, each with its time.
        unsent: how many messages were not sent in time.
    """

    pacing: Pacing
    rate: Rate
    end: float
    coming: deque[tuple[float, Message]]
    unsent: int = 0
    _waiting: list[Message] = attrs.field(factory=list[Message])
    _bucket: Bucket = attrs.field(factory=Bucket)
    _digests: dict[object, float] = attrs.field(factory=dict[object, float])  # the time of the last one, by audience
    _now: float = 0.0

    def departures(self) -> Iterator[tuple[float, Message]]:
        """Yield each message that leaves, with its time."""
        while self.coming or self._waiting:
            if not self._waiting:
                self._now = max(self._now, self.coming[0][0])
            while self.coming and self.coming[0][0] <= self._now:
                self._put(self.coming.popleft()[1])
            taken = self._waiting[:_CLAIM] if self.pacing.outbox else self._waiting
            self._waiting = self._waiting[len(taken) :]
            yield from self._claimed(taken) if self.pacing.outbox else self._batch(taken)

    def _put(self, message: Message) -> None:
        """Add a message to those that wait. If there is no room, those to one audience are folded."""
        if not self.pacing.outbox and len(self._waiting) >= self.pacing.max_queue:
            groups: dict[object, list[Message]] = {}
            for each in (*self._waiting, message):
                groups.setdefault(audience(each), []).append(each)
            self._waiting = [each for group in groups.values() for each in _folded(group)]
            return
        self._waiting.append(message)

    def _left(self) -> float:
        """Return the seconds until the program stops waiting; infinity before it begins to wait, and with an outbox."""
        return math.inf if self.pacing.outbox or self._now < self.end else self.end + self.pacing.exit_timeout - self._now

    def _batch(self, taken: list[Message]) -> Iterator[tuple[float, Message]]:
        """Send all that waits, as ``Digest`` does."""
        threshold = self.pacing.threshold
        waiting = deque(portions(taken, threshold))
        while waiting:
            possible = singly(self.pacing.threshold, self._left())
            if possible < threshold:
                threshold, waiting = possible, deque(regroup(taken, waiting, possible))
            whole = _folded([taken[place] for place in waiting.popleft()])
            for message in whole:
                digests = len(whole) == 1 and count_of(message) > 1
                if digests:
                    self._rest(message)
                if (at := self._turn()) is None:
                    self.unsent += count_of(message)
                    continue
                if digests:
                    self._digests[audience(message)] = at
                yield at, message

    def _rest(self, digest: Message) -> None:
        """Wait until the interval since the last digest is over; the end of the program cuts that short."""
        due = self._digests.get(audience(digest), -math.inf) + self.pacing.min_interval
        self._now = max(self._now, min(due, self.end))

    def _turn(self) -> float | None:
        """Wait for the rate limit and return the time; None if the program ends before."""
        bucket, wait = take(self._bucket, self.rate, self._now)
        at = self._now + wait
        if not self.pacing.outbox and at > self.end + self.pacing.exit_timeout:
            return None
        self._bucket, self._now = bucket, at
        return at

    def _claimed(self, taken: list[Message]) -> Iterator[tuple[float, Message]]:
        """Send claimed rows, as the worker of an outbox does. What the lease leaves no time for waits again."""
        ends, waiting, digests = self._now + _LEASE, deque(portions(taken, self.pacing.threshold)), False
        while waiting:
            _, wait = take(self._bucket, self.rate, self._now)
            if self._now + wait >= ends:
                places = sorted(place for portion in waiting for place in portion)
                self._waiting = [*(taken[place] for place in places), *self._waiting]
                self._now += wait
                return
            whole = _folded([taken[place] for place in waiting.popleft()])
            digests = digests or count_of(whole[0]) > 1
            for message in whole:
                bucket, wait = take(self._bucket, self.rate, self._now)
                self._bucket, self._now = bucket, self._now + wait
                yield self._now, message
        if digests:  # further messages may come for the next digest
            self._now += self.pacing.min_interval


def _folded(messages: list[Message]) -> list[Message]:
    """Return one digest in place of several messages; the messages themselves if they cannot be folded."""
    try:
        return [fold(messages)]
    except Exception:  # of a user's time zone class, for example
        return messages
