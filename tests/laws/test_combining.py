"""Laws of combined outcomes: the result of several outcomes is never better than they are."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core.changes import Change
from tocsin.core.delivery.combining import after_fallback, combined, message_for_fallback
from tocsin.core.delivery.rendering import MARK
from tocsin.core.effects import CallBack, Message, PostToSlack
from tocsin.core.notifiers import GmailNotifier, Messenger, SlackNotifier
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DeliveryError,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Withheld,
)
from tocsin.core.states import Failed, Retrying, Success, TimedOut
from tocsin.testing.strategies import changes, mails, posts, states

REASONS = st.sampled_from(["no_service", "try later", "timed out", ""])
AFTERS = st.none() | st.sampled_from([timedelta(seconds=1), timedelta(hours=3)])
ERRORS: SearchStrategy[DeliveryError] = st.one_of(
    st.builds(Retryable, REASONS, AFTERS),
    st.builds(Rejected, REASONS, st.none() | st.just("TEAM_WEBHOOK")),
    st.builds(DestinationDead, REASONS),
    st.builds(Ambiguous, REASONS),
)
RECEIPTS: SearchStrategy[Receipt] = st.one_of(
    st.builds(Delivered, st.lists(st.sampled_from(["a@example.com", "b@example.com"]), unique=True).map(tuple[str, ...])),
    st.builds(Queued, st.sampled_from(["a background thread", "a file"])),
    st.builds(Withheld, st.sampled_from(["recorded", "TOCSIN_NOTIFY=none says so"])),
    st.builds(Shown),
)
OUTCOMES: SearchStrategy[Outcome] = RECEIPTS | ERRORS
SEVERAL = st.lists(OUTCOMES, min_size=2, max_size=4)


NOTIFIERS = st.sampled_from([SlackNotifier(), GmailNotifier()])


def by_notifier(change: Change, notifier: Messenger) -> Message:
    effect = notifier.describe(change, 0, None).effects[0]
    assert not isinstance(effect, CallBack)
    return effect


FAILURES: SearchStrategy[Message] = st.builds(by_notifier, changes(new=states(Failed, TimedOut)), NOTIFIERS)
OTHERS: SearchStrategy[Message] = posts() | mails() | st.builds(by_notifier, changes(new=states(Success, Retrying)), NOTIFIERS)


def least_settled(errors: list[DeliveryError]) -> type[DeliveryError]:
    """Return the kind of error to report if no interpreter accepted the message: the least settled kind."""
    kinds = {type(error) for error in errors}
    if Ambiguous in kinds:
        return Ambiguous
    if Retryable in kinds:
        return Retryable
    return DestinationDead if kinds == {DestinationDead} else Rejected


def soonest(errors: list[DeliveryError]) -> list[timedelta]:
    return sorted(error.after or timedelta(0) for error in errors if isinstance(error, Retryable))


@given(ERRORS, RECEIPTS)
def test_the_receipt_of_a_fallback_counts_unless_it_withheld(first: DeliveryError, second: Receipt) -> None:
    outcome = after_fallback(first, second)
    if isinstance(second, Withheld):
        assert type(outcome) is type(first)
        assert isinstance(outcome, DeliveryError)
        assert first.reason in outcome.reason
        assert second.reason in outcome.reason
    else:
        assert outcome is second


@given(ERRORS, ERRORS)
def test_if_the_fallback_fails_too_the_error_names_both(first: DeliveryError, second: DeliveryError) -> None:
    outcome = after_fallback(first, second)
    assert type(outcome) is least_settled([first, second])
    assert isinstance(outcome, DeliveryError)
    assert outcome.reason == f"{first.reason}; and the fallback: {second.reason}"
    if isinstance(outcome, Retryable):
        assert (outcome.after or timedelta(0)) == soonest([first, second])[0]


@given(ERRORS, ERRORS, ERRORS)
def test_fallbacks_may_be_nested_in_any_way(one: DeliveryError, two: DeliveryError, three: DeliveryError) -> None:
    inside, outside = after_fallback(one, two), after_fallback(two, three)
    assert isinstance(inside, DeliveryError)
    assert type(after_fallback(inside, three)) is type(after_fallback(one, outside))


@given(FAILURES | OTHERS, ERRORS.filter(lambda error: not isinstance(error, Ambiguous)))
def test_a_message_that_did_not_arrive_is_handed_on_unchanged(message: Message, error: DeliveryError) -> None:
    assert message_for_fallback(message, error) is message


@given(FAILURES)
def test_a_failure_that_may_have_arrived_is_handed_on_with_a_mark(message: Message) -> None:
    given = message_for_fallback(message, Ambiguous("timed out"))
    assert given is not None
    assert given.key == message.key
    assert (given.payload.fallback if isinstance(given, PostToSlack) else given.mail.subject).startswith(MARK)


@given(OTHERS)
def test_no_other_message_that_may_have_arrived_is_handed_on(message: Message) -> None:
    assert message_for_fallback(message, Ambiguous("timed out")) is None


@given(OUTCOMES)
def test_one_outcome_is_what_it_is(outcome: Outcome) -> None:
    assert combined([outcome]) is outcome


@given(SEVERAL)
def test_it_is_delivered_only_where_all_that_were_to_deliver_did(outcomes: list[Outcome]) -> None:
    to_deliver = [outcome for outcome in outcomes if not isinstance(outcome, Withheld | Shown)]
    well = bool(to_deliver) and all(isinstance(outcome, Delivered) for outcome in to_deliver)
    assert isinstance(combined(outcomes), Delivered) is well


@given(SEVERAL)
def test_it_is_retryable_only_if_no_interpreter_accepted_it(outcomes: list[Outcome]) -> None:
    outcome = combined(outcomes)
    if isinstance(outcome, Retryable):
        assert not any(isinstance(each, Delivered | Queued | Ambiguous) for each in outcomes)
        errors = [each for each in outcomes if isinstance(each, DeliveryError)]
        assert (outcome.after or timedelta(0)) == soonest(errors)[-1]


@given(SEVERAL)
def test_nothing_that_went_wrong_is_lost(outcomes: list[Outcome]) -> None:
    outcome, errors = combined(outcomes), [each for each in outcomes if isinstance(each, DeliveryError)]
    assert isinstance(outcome, DeliveryError) is bool(errors)
    text = repr(outcome)
    for number, each in enumerate(outcomes, 1):
        if isinstance(each, DeliveryError):
            assert f"number {number}: {each.reason}" in text
        elif isinstance(each, Delivered):
            assert all(address in text for address in each.refused)


@given(SEVERAL)
def test_without_an_acceptance_the_error_is_the_least_settled(outcomes: list[Outcome]) -> None:
    errors = [each for each in outcomes if isinstance(each, DeliveryError)]
    if errors:
        took = any(isinstance(each, Delivered | Queued) for each in outcomes)
        assert type(combined(outcomes)) is (Ambiguous if took else least_settled(errors))


@given(SEVERAL)
def test_the_order_does_not_change_what_it_comes_to(outcomes: list[Outcome]) -> None:
    there, back = combined(outcomes), combined(outcomes[::-1])
    assert type(there) is type(back)
    after, after_back = (each.after if isinstance(each, Retryable) else None for each in (there, back))
    assert after == after_back
