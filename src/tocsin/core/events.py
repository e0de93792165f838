"""Events: a closed union of frozen values, one for each thing that can happen.

- The core has no clock and knows no host. Each event has its time (``at``, an aware datetime) and, if known, the host and the
  environment (``facts``).
- A time is by the wall clock, which may be set. So an event that ends an attempt also has how long the attempt took (``took``), by a
  clock that nobody sets.
- The module ``transitions`` defines which state an event leads to.
"""

from datetime import datetime, timedelta

import attrs
from attrs.validators import optional

from tocsin.core.attachments import Attachment
from tocsin.core.states import State, aware, positive
from tocsin.core.values import FrozenMap, Value, freeze

__all__ = [
    "Answer",
    "CacheHit",
    "CacheInvalid",
    "CacheStored",
    "ChildrenSubmitted",
    "Detail",
    "Event",
    "Facts",
    "HandlerRaised",
    "HandlerReplied",
    "HandlerSignalled",
    "Interrupted",
    "LoopDue",
    "MappingPrepared",
    "PauseAsked",
    "Raised",
    "ReferencesSettled",
    "Resumed",
    "RetryDue",
    "Said",
    "Signalled",
    "Started",
    "Succeeded",
    "TimedOutAt",
    "TriggerNotMet",
    "Unwrapped",
    "UpstreamSkipped",
]


@attrs.frozen(eq=False, repr=False)
class Detail(Value):
    """A titled text to add to a message.

    Args:
        title: the title.
        text: the text.
        quoted: whether it is the output of a program, shown as code.
        tabular: whether it is a table of aligned rows, which is cut between two rows.
        listed: whether it is a list of notes, which is cut between two notes, in its middle.
    """

    title: str
    text: str
    quoted: bool = False
    tabular: bool = False
    listed: bool = False


@attrs.frozen(eq=False, repr=False)
class Facts(Value):
    """What is known about an event apart from the event itself.

    Args:
        host: the name of the host; None if unknown.
        environment: the name of the environment, such as ``production``; None if unknown.
        details: texts to add to the message, in order.
        link: the target of the message's title, an http(s) URL; None for no link.
        told_by: the name of the nested run that already announced the same failure; None if no run did.
        attachments: files that go with the message.
    """

    host: str | None = None
    environment: str | None = None
    details: tuple[Detail, ...] = ()
    link: str | None = None
    told_by: str | None = None
    attachments: tuple[Attachment, ...] = ()


UNKNOWN = Facts()


def _finished(_: object, __: "attrs.Attribute[State]", value: State) -> None:
    if not value.is_finished():
        raise ValueError(f"a flow ends in a finished state, not in {value!r}")


def _not_negative(_: object, __: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if value < _NO_TIME:
        raise ValueError(f"an attempt takes no time or more, not {value!r}")


_NO_TIME = timedelta(0)


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # a run of many tasks holds many
class Occurrence(Value):
    """The base of all events.

    Args:
        at: when it happened by the wall clock, an aware datetime: a naive one is a ValueError.
        facts: what else is known.
    """

    at: datetime = attrs.field(validator=aware)
    facts: Facts = attrs.field(default=UNKNOWN, kw_only=True)


@attrs.frozen(eq=False, repr=False, weakref_slot=False)  # as above
class Measured(Occurrence):
    """The base of the events that end an attempt.

    Args:
        took: how long the attempt took, by a clock that nobody sets; None if it was not measured. A negative duration is a ValueError.
        run_took: how long the run took up to this event, from the start of its first attempt, by the same clock; None if it was not
            measured, or if the run had one attempt.
    """

    took: timedelta | None = attrs.field(default=None, kw_only=True, validator=optional(_not_negative))
    run_took: timedelta | None = attrs.field(default=None, kw_only=True, validator=optional(_not_negative))


@attrs.frozen(eq=False, repr=False, weakref_slot=False)
class Started(Occurrence):
    """A body is about to be entered, for the first time or again."""

    message: str | None = "Starting task run."


@attrs.frozen(eq=False, repr=False, weakref_slot=False)
class Succeeded(Measured):
    """The body returned ``result``."""

    result: object = None
    message: str | None = "Task run succeeded."


@attrs.frozen(eq=False, repr=False)
class Raised(Measured):
    """The body, or code around it, raised ``error``."""

    error: BaseException = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Signalled(Measured):
    """The body or the trigger raised a signal, in the attempt with this 1-based number. ``ends``: no further attempt."""

    state: State = attrs.field(kw_only=True)
    ends: bool = attrs.field(default=False, kw_only=True)
    attempt: int = attrs.field(default=1, kw_only=True, validator=positive)


@attrs.frozen(eq=False, repr=False)
class TimedOutAt(Measured):
    """The body exceeded its time limit; ``error`` is the TimeoutError, if there was one."""

    message: str = "Task timed out during execution."
    error: BaseException | None = None


@attrs.frozen(eq=False, repr=False)
class RetryDue(Occurrence):
    """Attempt ``attempt`` of ``attempts`` failed; the next may start at ``start`` (aware; None: at once)."""

    attempt: int = attrs.field(kw_only=True, validator=positive)
    attempts: int = attrs.field(kw_only=True, validator=positive)
    start: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))


class UpstreamSkipped(Occurrence):
    """An upstream task was skipped, so this task is skipped too."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class TriggerNotMet(Occurrence):
    """The upstream tasks did not end as the trigger requires; ``error`` is the exception that the trigger raised, if any."""

    message: str = "Trigger failed"
    error: BaseException | None = None


@attrs.frozen(eq=False, repr=False)
class PauseAsked(Occurrence):
    """A person must resume the run, by ``until`` at the latest (aware; None: in ten years)."""

    message: str | None = None
    until: datetime | None = attrs.field(default=None, validator=optional(aware))


@attrs.frozen(eq=False, repr=False)
class Resumed(Occurrence):
    """A person resumed the paused run."""

    message: str | None = None


class Unwrapped(Occurrence):
    """A state from an outside engine was replaced by the state that it wraps."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class ReferencesSettled(Measured):
    """The reference tasks of a flow are finished, so the flow ends in ``state``; an unfinished state is a ValueError."""

    state: State = attrs.field(kw_only=True, validator=_finished)


@attrs.frozen(eq=False, repr=False)
class CacheHit(Occurrence):
    """The ``result`` of an earlier run is valid until ``expires`` (aware; None: for ever)."""

    result: object = None
    message: str | None = None
    expires: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))


@attrs.frozen(eq=False, repr=False)
class CacheStored(Occurrence):
    """Later runs may use the result again for these ``inputs``, until ``expires`` (aware; None: for ever)."""

    expires: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    inputs: FrozenMap = attrs.field(factory=FrozenMap, kw_only=True, converter=freeze)


class CacheInvalid(Occurrence):
    """The result of an earlier run is no longer valid."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class MappingPrepared(Occurrence):
    """``n`` children are about to be submitted."""

    n: int = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ChildrenSubmitted(Occurrence):
    """All children of a mapped task are submitted; ``states`` holds their states, in order."""

    states: tuple[State, ...] = attrs.field(default=(), converter=tuple[State, ...])


@attrs.frozen(eq=False, repr=False)
class LoopDue(Occurrence):
    """Turn ``index`` (1-based) of a loop is over and the next is due."""

    index: int = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Interrupted(Measured):
    """The body was stopped from outside; ``error`` is the KeyboardInterrupt or the cancellation."""

    error: BaseException | None = None
    message: str = "Interrupted."


@attrs.frozen(eq=False, repr=False, weakref_slot=False)
class Said(Occurrence):
    """The author of what runs says ``text`` to people. It does not change the state of the run, and is illegal once that is finished.

    Args:
        text: the text.
        state: the state that the message shows; None for that of the run.
        named: whether the message begins with the name of what runs.
        verb: what the run does, our own words behind its name; None for a text that the author said. The text may be empty then.
        edits: whether the text only replaces the first message of the run where a Slack app posted that. Elsewhere it is no message.

    >>> from datetime import UTC
    >>> Said(datetime(2026, 1, 1, tzinfo=UTC), verb="is still running after 2 h", text="1,200 of 3,000 (40 %)").words
    'is still running after 2 h: 1,200 of 3,000 (40 %)'
    """

    text: str = attrs.field(kw_only=True)
    state: State | None = attrs.field(default=None, kw_only=True)
    named: bool = attrs.field(default=True, kw_only=True)
    verb: str | None = attrs.field(default=None, kw_only=True)
    edits: bool = attrs.field(default=False, kw_only=True)

    @property
    def words(self) -> str:
        """What is said, without the name."""
        return ": ".join([each for each in (self.verb, self.text) if each])


class Answered(Occurrence):
    """The base of the answers of a foreign handler."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class HandlerReplied(Answered):
    """A foreign handler returned ``state``: the state it received, or a replacement."""

    state: State = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class HandlerSignalled(Answered):
    """A foreign handler raised a signal. ``ends``: no further attempt."""

    state: State = attrs.field(kw_only=True)
    ends: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class HandlerRaised(Answered):
    """A foreign handler raised ``error``, which is not a signal."""

    error: BaseException = attrs.field(kw_only=True)


Answer = HandlerReplied | HandlerSignalled | HandlerRaised
"""The answers of a foreign handler."""

Event = (
    Started
    | Succeeded
    | Raised
    | Signalled
    | TimedOutAt
    | RetryDue
    | UpstreamSkipped
    | TriggerNotMet
    | PauseAsked
    | Resumed
    | Unwrapped
    | ReferencesSettled
    | CacheHit
    | CacheStored
    | CacheInvalid
    | MappingPrepared
    | ChildrenSubmitted
    | LoopDue
    | Interrupted
    | Said
    | HandlerReplied
    | HandlerSignalled
    | HandlerRaised
)
"""All events."""
