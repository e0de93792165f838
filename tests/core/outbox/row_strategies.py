"""Rows and their events, for the laws of the outbox. Moments lie close together, so that they often coincide."""

from datetime import timedelta

from hypothesis import strategies as st

from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.core.outbox.state_machine import FAR, Buried, Claimed, Grouped, OutcomeKnown, Released, RetryAsked, RowEvent, Unreadable
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Rejected, Retryable, Shown, Withheld

BUSY = Retryable("busy")
REST = (2, '{"rest":{}}')

CLAIMS = st.sampled_from(["worker-1", "worker-2"])
DIGESTS = st.sampled_from(["run.load and 1 more..0.-1", "run.load and 2 more..0.-1"])
FINAL: tuple[Outcome, ...] = (
    Delivered(),
    Delivered(("ops@example.com",)),
    Withheld("none"),
    Shown(),
    Queued("a thread"),
    Rejected("too long"),
    DestinationDead("revoked"),
    Ambiguous("no answer"),
)
RETRYABLES = st.builds(
    Retryable, st.just("busy"), st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=9)) | st.just(timedelta.max)
)


def outcomes() -> st.SearchStrategy[Outcome]:
    """Return outcomes of a try."""
    return st.sampled_from(FINAL) | RETRYABLES


DRAWS = st.floats(0, 1, exclude_max=True)


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    """Draw policies that give up soon, and policies with long deadlines."""
    base = draw(st.sampled_from([0.5, 10.0, 3600.0]))
    most = base * draw(st.sampled_from([1, 20]))
    return RetryPolicy(draw(st.integers(1, 9)), base, most, draw(st.sampled_from([1.0, 300.0, 86_400.0])))


def moments() -> st.SearchStrategy[float]:
    """Return moments within some minutes; a few are days apart, as after a clock is set."""
    near = st.integers(0, 300).map(float)
    return st.one_of(near, near, near, st.sampled_from([FAR, FAR + 1, 10 * FAR, -10 * FAR]))


@st.composite
def rows(draw: st.DrawFn, *statuses: Status) -> Row:
    """Draw rows that may be in an outbox."""
    status = draw(st.sampled_from(statuses or tuple(Status)))
    leased = status is Status.LEASED
    return Row(
        key="run.load..0.0",
        destination="slack:TEAM",
        kind="PostToSlack",
        version=1,
        body="{}",
        made=draw(moments()),
        since=draw(moments()),
        due=draw(moments()),
        status=status,
        attempts=draw(st.integers(1 if leased else 0, 9)),
        claim=draw(CLAIMS) if leased else None,
        repeated=draw(st.booleans()),
        digest=draw(st.none() | DIGESTS),
        reason=draw(st.sampled_from([None, "busy"])),
        ended=None if status in WAITING else draw(moments()),
    )


@st.composite
def happenings(draw: st.DrawFn, *kinds: type[RowEvent]) -> RowEvent:
    """Draw an event of a row, of any kind or of these kinds."""
    at, claim = draw(moments()), draw(CLAIMS)
    some: tuple[RowEvent, ...] = (
        Claimed(at, claim, at + 60.0, draw(st.integers(1, 9))),
        Grouped(at, claim, draw(DIGESTS)),
        OutcomeKnown(
            at, claim, draw(outcomes()), draw(DRAWS), draw(policies()), draw(st.booleans()), draw(st.sampled_from([None, REST]))
        ),
        Released(at, claim, at + draw(st.sampled_from([-1.0, 0.0, 10.0]))),
        Unreadable(at, claim, "it was written by a newer tocsin"),
        RetryAsked(at),
        Buried(at),
    )
    return draw(st.sampled_from([each for each in some if not kinds or isinstance(each, kinds)]))
