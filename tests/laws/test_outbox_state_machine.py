"""Laws of a row of the outbox, for any events in any order and any clock: no loss, and each possible repeat is marked."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.core.outbox.row_strategies import BUSY, CLAIMS, DRAWS, REST, RETRYABLES, happenings, moments, policies, rows
from tocsin.core.delivery.retry import RetryPolicy
from tocsin.core.outbox.model import WAITING, Row, Status
from tocsin.core.outbox.state_machine import (
    FAR,
    POLICY,
    TABLE,
    TOLERATED,
    Buried,
    Claimed,
    Grouped,
    OutcomeKnown,
    RefusedEvent,
    Released,
    RetryAsked,
    RowEvent,
    Unreadable,
    claimable,
    next_row,
    pause_after,
    rewound,
)
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Rejected, Retryable

DAY = 86_400.0
NEW = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
LEASED = attrs.evolve(NEW, status=Status.LEASED, claim="worker-1", due=60.0, attempts=1)
DIGEST = "run.load and 1 more..0.-1"

OVER = frozenset(Status) - frozenset(WAITING)
histories = st.lists(happenings(), max_size=12)


def then(row: Row, event: RowEvent) -> Row:
    """Return the row after an event; unchanged if the event is refused."""
    following = next_row(row, event)
    return row if isinstance(following, RefusedEvent) else following


def versions(row: Row, events: Sequence[RowEvent]) -> list[Row]:
    """Return the row before all events, and after each."""
    seen = [row]
    for event in events:
        seen.append(then(seen[-1], event))
    return seen


def sound(row: Row) -> bool:
    """Return whether the fields of a row are consistent."""
    return (
        (row.claim is None) is (row.status is not Status.LEASED)
        and (row.ended is None) is (row.status in WAITING)
        and row.attempts >= (row.status is Status.LEASED)
    )


# --- the table ----------------------------------------------------------------------------------------------------------------


@given(rows(), happenings())
def test_the_table_is_the_truth(row: Row, event: RowEvent) -> None:
    following = next_row(row, event)
    if isinstance(following, RefusedEvent):
        assert following.reason.startswith(("run.load..0.0 ", "the lease of run.load..0.0 "))
    else:
        assert following.status in TABLE[row.status][type(event)]


@given(rows(), happenings())
def test_an_event_outside_the_table_is_refused(row: Row, event: RowEvent) -> None:
    if type(event) not in TABLE[row.status]:
        assert next_row(row, event) == RefusedEvent(f"run.load..0.0 is {row.status.value}")


@given(rows(), histories)
def test_the_fields_of_a_row_stay_consistent(row: Row, events: list[RowEvent]) -> None:
    assert all(sound(each) for each in versions(row, events))


@given(rows(), histories)
def test_a_row_stays_the_same_message(row: Row, events: list[RowEvent]) -> None:
    assert len({(each.key, each.destination, each.kind, each.version, each.body, each.made) for each in versions(row, events)}) == 1


# --- nothing is lost ----------------------------------------------------------------------------------------------------------


@given(rows(*WAITING), happenings())
def test_nothing_stops_waiting_but_by_an_answer_by_hand_or_by_being_given_up(row: Row, event: RowEvent) -> None:
    following = then(row, event)
    if following.status not in WAITING:
        assert isinstance(event, OutcomeKnown | Buried | Unreadable) or (
            isinstance(event, Claimed) and following.status is Status.DEAD and row.attempts >= event.most
        )
        assert following.reason is not None or following.status is Status.DELIVERED or isinstance(event, Claimed)


@given(rows(*WAITING), happenings(Claimed))
@example(attrs.evolve(NEW, attempts=1), Claimed(1.0, "worker-1", 61.0, most=1))
def test_a_dead_row_has_a_reason(row: Row, event: RowEvent) -> None:
    following = then(row, event)
    assert following.status is not Status.DEAD or following.reason


@given(rows(), histories)
def test_a_delivered_row_stays_delivered(row: Row, events: list[RowEvent]) -> None:
    seen = versions(row, events)
    for before, now in pairwise(seen):
        assert before.status is not Status.DELIVERED or now is before


@given(rows(), histories, moments())
def test_a_retry_by_a_person_gets_the_row_claimed(row: Row, events: list[RowEvent], at: float) -> None:
    """Whatever happened before: once no worker holds the row, one retry makes it claimable."""
    stuck = versions(row, events)[-1]
    at = stuck.due if stuck.status is Status.LEASED else at
    assume(stuck.status is not Status.DELIVERED)
    claimed = then(then(stuck, RetryAsked(at)), Claimed(at, "worker-3", at + 60.0))
    assert (claimed.status, claimed.claim, claimed.attempts) == (Status.LEASED, "worker-3", 1)


@given(rows(*WAITING), histories, moments())
def test_a_waiting_row_can_be_claimed_within_two_days(row: Row, events: list[RowEvent], at: float) -> None:
    waiting = versions(row, events)[-1]
    if waiting.status in WAITING:
        assert any(claimable(waiting, moment) for moment in (at, at + FAR / 2, at + FAR))
    else:
        assert not claimable(waiting, at)


@given(rows(*WAITING), moments())
def test_the_clock_may_be_set_at_will(row: Row, at: float) -> None:
    """A claimable row stays claimable until it is claimed, and any other is due within two days."""
    if claimable(row, at):
        assert claimable(row, at + 1e-3) or row.due - at > FAR
    else:
        assert 0 < row.due - at <= FAR
        assert claimable(row, row.due)


@given(rows(), histories, moments())
def test_a_clock_that_was_set_back_makes_no_row_wait_longer_than_it_was_put_off_for(
    row: Row, events: list[RowEvent], at: float
) -> None:
    stuck = versions(row, events)[-1]
    mended = rewound(stuck, at)
    assert rewound(mended, at) is mended
    assert attrs.evolve(mended, due=stuck.due, since=stuck.since) == stuck
    assert mended.due - mended.since == pytest.approx(stuck.due - stuck.since, abs=1e-3)
    if mended.status is Status.PENDING:
        assert mended.due <= at + TOLERATED
    elif mended.status in WAITING and mended.pause is not None:
        assert mended.due <= at + mended.pause + TOLERATED
    assert mended is stuck or (mended.due == at + (0.0 if mended.status is Status.PENDING else mended.pause or 0.0) < stuck.due)


@given(
    rows(Status.PENDING),
    st.lists(happenings(Claimed, OutcomeKnown, Released, Grouped), min_size=1, max_size=12),
    st.floats(2.0, 9 * DAY),
)
def test_what_happened_by_a_right_clock_is_not_repaired(row: Row, events: list[RowEvent], jump: float) -> None:
    """A row that was put off or leased at a moment waits from that moment, and a clock that goes on changes nothing."""
    for event in events:
        before, row = row, then(row, event)
        if row is not before and row.status in WAITING and not isinstance(event, Grouped):
            assert rewound(row, event.at) is row
            assert rewound(row, event.at + jump) is row
            assert (rewound(row, event.at - jump) is row) is (row.due - (row.pause or 0.0) <= event.at - jump + TOLERATED)


# --- leases -------------------------------------------------------------------------------------------------------------------


@given(rows(), happenings())
def test_only_the_holder_of_the_lease_may_report(row: Row, event: RowEvent) -> None:
    if isinstance(event, OutcomeKnown | Grouped | Released | Unreadable) and row.claim != event.claim:
        following, arrived = next_row(row, event), isinstance(event, OutcomeKnown) and isinstance(event.outcome, Delivered)
        assert isinstance(following, RefusedEvent) or (arrived and following.status is Status.DELIVERED)


@given(rows(), happenings(OutcomeKnown), st.sampled_from([Delivered(), Delivered(("ops@example.com",))]))
def test_an_arrival_counts_from_any_worker(row: Row, event: RowEvent, arrived: Delivered) -> None:
    assert isinstance(event, OutcomeKnown)
    assert then(row, attrs.evolve(event, outcome=arrived, rest=None)).status is Status.DELIVERED


@given(rows(Status.LEASED), happenings(OutcomeKnown), st.none() | st.timedeltas(timedelta(0), timedelta(days=9)))
def test_the_rest_of_a_mail_waits_or_is_given_up_in_words(row: Row, event: RowEvent, asked: timedelta | None) -> None:
    assert isinstance(event, OutcomeKnown)
    event = attrs.evolve(event, claim=row.claim or "")
    partly = Delivered(("b@example.com",), errors=(Retryable("450 later", asked),))
    following = then(row, attrs.evolve(event, outcome=partly, rest=REST))
    busy = next_row(row, attrs.evolve(event, outcome=Retryable("450 later", asked)))
    assert following.reason == "refused for b@example.com: 450 later"
    if isinstance(busy, Row) and busy.status is Status.DELAYED:  # when a message that nobody has would be tried again
        assert (following.status, following.due, (following.version, following.body)) == (Status.DELAYED, busy.due, REST)
    else:
        assert (following.status, following.body) == (Status.DELIVERED, row.body)


@given(rows(*WAITING), happenings(Claimed))
def test_a_lease_has_one_holder_and_ends(row: Row, event: RowEvent) -> None:
    assert isinstance(event, Claimed)
    leased = next_row(row, event)
    if isinstance(leased, RefusedEvent):
        assert not claimable(row, event.at)
    elif leased.status is Status.LEASED:
        assert (leased.claim, leased.due) == (event.claim, event.until)
        assert isinstance(next_row(leased, attrs.evolve(event, at=event.until - 1, claim="worker-3")), RefusedEvent)
        assert isinstance(next_row(leased, attrs.evolve(event, at=event.until, claim="worker-3", most=99)), Row)


@given(rows(Status.LEASED), happenings(OutcomeKnown))
def test_a_row_that_is_put_off_knows_for_how_long(row: Row, event: RowEvent) -> None:
    assert isinstance(event, OutcomeKnown)
    following = next_row(row, attrs.evolve(event, claim=row.claim or ""))
    if isinstance(following, Row) and following.status is Status.DELAYED:
        assert following.pause == pytest.approx(following.due - event.at, abs=1e-3)


@given(rows(*WAITING), st.lists(st.sampled_from([-1.0, 0.0, 10.0]), max_size=9))
def test_a_released_claim_is_no_attempt(row: Row, pauses: list[float]) -> None:
    """Claims and releases, however many, cost no attempt and change nothing else."""
    begun = row = then(row, RetryAsked(row.due))
    for pause in pauses:
        leased = then(row, Claimed(row.due, "worker-1", row.due + 60.0))
        row = then(leased, Released(row.due, "worker-1", row.due + pause))
        assert (row.status is Status.DELAYED) is (pause > 0)
    assert attrs.evolve(row, due=begun.due, pause=begun.pause, status=begun.status, since=begun.since) == begun


@given(rows(Status.LEASED), moments(), st.booleans())
@example(attrs.evolve(LEASED, due=FAR + 61.0), 60.0, True)
def test_a_person_may_do_what_a_worker_may(row: Row, at: float, bury: bool) -> None:
    refused = isinstance(next_row(row, Buried(at) if bury else RetryAsked(at)), RefusedEvent)
    assert refused is not claimable(row, at)


# --- how long, and how often --------------------------------------------------------------------------------------------------


@given(st.integers(1, 5000), RETRYABLES, DRAWS, policies())
def test_a_pause_is_bounded_and_longer_than_the_rest_of_the_others(
    attempts: int, busy: Retryable, draw: float, policy: RetryPolicy
) -> None:
    event = OutcomeKnown(0.0, "worker-1", busy, draw, policy)
    asked = 0.0 if busy.after is None else busy.after.total_seconds()
    drawn = policy.initial_delay + draw * policy.bound(attempts)
    assert pause_after(attempts, busy, event) in {drawn, min(asked, DAY)}
    assert pause_after(attempts, busy, event) >= max(drawn, min(asked, DAY))
    assert pause_after(attempts, busy, event) <= pause_after(attempts + 1, busy, event)


@given(rows(Status.LEASED), happenings(OutcomeKnown), st.sampled_from([10.0, DAY, 3 * DAY]), DRAWS)
@example(LEASED, OutcomeKnown(0.0, "worker-1", BUSY, 0.0), 3 * DAY, 0.0)
def test_a_delayed_row_is_not_due_at_once(row: Row, event: RowEvent, base: float, draw: float) -> None:
    assert isinstance(event, OutcomeKnown)
    lasting = attrs.evolve(event, outcome=BUSY, policy=RetryPolicy(initial_delay=base, max_delay=base), draw=draw, claim=str(row.claim))
    following = then(row, lasting)
    assert following.status is not Status.DELAYED or not claimable(following, event.at)


def tried(row: Row, policy: RetryPolicy, outcome: Outcome, lags: Sequence[float]) -> list[Row]:
    """Answer a row always alike, each time claimed ``lag`` seconds after it is due; return its versions, the last one over."""
    seen = [row]
    for lag in lags:
        at = seen[-1].due + lag
        leased = then(seen[-1], Claimed(at, "worker-1", at + 60.0, policy.attempts))
        seen.append(then(leased, OutcomeKnown(at, "worker-1", outcome, 0.5, policy)))
        if seen[-1].status not in WAITING:
            break
    return seen


STEADY = [0.0] * 600
"""Lags of a row that is always claimed when it is due."""

LAGS = st.lists(st.sampled_from([0.0, 1.0, 600.0, 9 * DAY]), min_size=9, max_size=9)


@given(policies(), LAGS)
def test_a_row_that_is_never_accepted_is_given_up_neither_too_soon_nor_never(policy: RetryPolicy, lags: list[float]) -> None:
    """Give up at the deadline or with the last try; a machine that slept for days makes five tries all the same."""
    *_, last, over = tried(NEW, policy, BUSY, lags)
    assert over.status is Status.DEAD
    assert over.ended is not None
    assert min(5, policy.attempts) <= over.attempts <= policy.attempts
    following = over.ended + pause_after(over.attempts, BUSY, OutcomeKnown(0.0, "worker-1", BUSY, 0.5, policy))
    assert over.attempts == policy.attempts or following - last.since >= policy.deadline


@given(policies(), st.floats(1, 9 * DAY))
def test_a_new_try_has_all_the_time_again(policy: RetryPolicy, later: float) -> None:
    over = tried(NEW, policy, BUSY, [0.0] * 9)[-1]
    assert over.ended is not None
    anew = attrs.evolve(NEW, since=over.ended + later, due=over.ended + later)
    asked = then(over, RetryAsked(over.ended + later))
    assert (asked.attempts, asked.since, asked.due, asked.repeated) == (0, anew.since, anew.due, False)
    assert tried(asked, policy, BUSY, [0.0] * 9)[-1].attempts == tried(anew, policy, BUSY, [0.0] * 9)[-1].attempts


@given(st.sampled_from([0.0, 600.0, 9 * DAY]), st.integers(0, 20))
@example(9 * DAY, 0)
@example(9 * DAY, 20)
def test_time_without_a_try_does_not_count(asleep: float, awake: int) -> None:
    steady = tried(NEW, POLICY, BUSY, STEADY)[-1]
    slept = tried(NEW, POLICY, BUSY, [*([0.0] * awake), asleep, *STEADY])[-1]
    assert slept.attempts == steady.attempts


@given(policies())
@example(POLICY)
def test_a_row_whose_secret_a_worker_lacks_waits_for_another_worker(policy: RetryPolicy) -> None:
    """Each worker uses its own secrets."""
    unknown = Rejected("there is no secret SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL")
    once = tried(NEW, policy, unknown, [0.0])[-1]
    assert (once.status is Status.DELAYED) is (policy.attempts > 1)
    assert tried(NEW, policy, unknown, STEADY)[-1].status is Status.DEAD


# --- what may have arrived ----------------------------------------------------------------------------------------------------


@given(rows(), histories)
def test_a_possible_arrival_is_never_forgotten(row: Row, events: list[RowEvent]) -> None:
    seen = versions(row, events)
    assert [each.repeated for each in seen] == sorted(each.repeated for each in seen)


@given(st.sampled_from([1, 99]), st.integers(61, 99).map(float))
def test_a_row_lost_while_it_was_sent_is_marked_in_the_next_try(most: int, at: float) -> None:
    lost = then(LEASED, Grouped(1.0, "worker-1", DIGEST))
    assert then(lost, Claimed(at, "worker-2", at + 60.0, most=99)).repeated
    assert then(lost, RetryAsked(at)).repeated


def again(row: Row, *events: RowEvent) -> Row:
    """Return the row as it is sent again after a person's retry."""
    last = versions(row, events)[-1]
    return versions(last, [RetryAsked(999.0), Claimed(999.0, "worker-3", 1059.0)])[-1]


SENT = Grouped(1.0, "worker-1", DIGEST)
MAY_HAVE_ARRIVED: tuple[tuple[RowEvent, ...], ...] = (
    (SENT, Claimed(61.0, "worker-2", 121.0, most=1)),
    (SENT, Buried(61.0)),
    (SENT, OutcomeKnown(2.0, "worker-1", Ambiguous("no answer"), 0.5), Buried(3.0)),
)


@pytest.mark.parametrize("events", MAY_HAVE_ARRIVED, ids=lambda events: type(events[-1]).__name__)
def test_a_possible_arrival_is_marked_when_a_person_retries_it(events: tuple[RowEvent, ...]) -> None:
    assert again(LEASED, *events).repeated


@given(rows(Status.LEASED), happenings(OutcomeKnown))
def test_an_alarm_without_an_answer_is_sent_again_marked_or_stays_unknown(row: Row, event: RowEvent) -> None:
    assert isinstance(event, OutcomeKnown)
    silent = attrs.evolve(event, claim=row.claim or "", outcome=Ambiguous("no answer"))
    following = then(row, attrs.evolve(silent, alarming=True))
    assert then(row, attrs.evolve(silent, alarming=False)).status is Status.UNKNOWN
    assert following.repeated
    assert following.reason == "no answer"
    if following.status is Status.DELAYED:
        assert 30.0 <= following.due - event.at <= 3600.0
        assert row.attempts < event.policy.attempts
        assert following.digest == row.digest
    else:
        assert following.status is Status.UNKNOWN


def test_an_alarm_without_an_answer_is_sent_again_for_a_day_ever_more_seldom() -> None:
    """Each try may be one too many, and so they are few."""
    row, at, pauses = NEW, 0.0, list[float]()
    while row.status is not Status.UNKNOWN:
        row = then(row, Claimed(at, "worker-1", at + 60.0))
        row = then(row, OutcomeKnown(at, "worker-1", Ambiguous("no answer"), 0.5, alarming=True))
        pauses.append(row.due - at)
        at = row.due
    assert pauses[:8] == [30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0]
    assert len(pauses) < 33
    assert at <= DAY


@given(st.integers(1, 20))
def test_a_row_that_a_killed_worker_had_not_begun_was_not_tried(kills: int) -> None:
    """The row was claimed together with a row that kills every worker."""
    row = NEW
    for _ in range(kills):
        row = then(row, Claimed(row.due, "worker-1", row.due + 60.0))
    assert (row.attempts, row.repeated, row.status) == (1, False, Status.LEASED)


@given(st.sampled_from([BUSY, Ambiguous("no answer")]), CLAIMS)
@example(BUSY, "worker-1")
@example(Ambiguous("no answer"), "worker-2")
def test_a_possible_arrival_in_a_digest_is_sent_in_that_digest_until_it_is_over(outcome: Outcome, claim: str) -> None:
    lost = then(LEASED, SENT)
    held = then(then(lost, Claimed(61.0, claim, 121.0)), Grouped(62.0, claim, DIGEST))
    assert again(held, OutcomeKnown(63.0, claim, outcome, 0.5)).digest == DIGEST
    assert then(held, Released(63.0, claim, 63.0)).digest == DIGEST


@given(st.sampled_from([0.0, 10.0]))
def test_a_row_that_was_not_sent_in_its_digest_is_in_none(pause: float) -> None:
    begun = then(LEASED, SENT)
    assert then(begun, OutcomeKnown(2.0, "worker-1", BUSY, 0.5)).digest is None
    assert then(begun, Released(2.0, "worker-1", 2.0 + pause)).digest is None


@given(policies())
@example(RetryPolicy(attempts=1))
def test_a_refused_repeat_says_nothing_of_the_first_try(policy: RetryPolicy) -> None:
    over = tried(attrs.evolve(NEW, repeated=True, digest="run.load..0.0"), policy, BUSY, [9 * DAY] * 9)[-1]
    assert over.status is Status.UNKNOWN
    assert "it may have arrived" in str(over.reason)
