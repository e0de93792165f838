"""Laws of curried notifiers: any split of the arguments has the same result, and a partial is a value."""

import pickle
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.user_kinds import EVERY
from tocsin import Change, Failed, Recording, Running, State, gmail_notifier, interpreting, slack_notifier
from tocsin.core.filters.algebra import Filter
from tocsin.core.states import KINDS
from tocsin.shell.handlers.currying import CurriedHandler, ForAll
from tocsin.testing import strategies
from tocsin.testing.laws_common import pickled, timeless, without_error
from tocsin.testing.laws_currying import LAWS, Call, Options, bind, cases
from tocsin.testing.value_strategies import TrackedJob

kinds = st.none() | st.lists(st.sampled_from(EVERY), max_size=3)
addresses = st.none() | st.lists(st.sampled_from(["ops@example.com", "a@b.example"]), min_size=1, max_size=2)


def worded(change: Change) -> str:
    return f"{change.slug} is {type(change.new).__name__}"


SHARED: Options = {
    "ignore_states": kinds,
    "only_states": kinds,
    "when": st.none() | strategies.filters(),
    "message": st.sampled_from([None, worded]),
    "title_link": st.sampled_from([None, "https://example.com/runs"]),
    "traceback": st.none() | st.booleans(),
}
OF_SLACK: Options = {
    "webhook_secret": st.sampled_from([None, "TEAM_WEBHOOK"]),
    "mention": st.none() | st.lists(st.sampled_from(["U0123ABCD", "S0123ABCD", "here"]), max_size=3),
    "mention_states": kinds,
}
NOTIFIERS: Mapping[str, tuple[CurriedHandler[ForAll], Options]] = {
    "slack": (slack_notifier, {**SHARED, **OF_SLACK}),
    "gmail": (gmail_notifier, {**SHARED, "to": addresses, "cc": addresses}),
}
either = pytest.mark.parametrize("notifier", NOTIFIERS)


@either
@pytest.mark.parametrize("law", LAWS)
@given(data=st.data())
def test_law(notifier: str, law: str, data: st.DataObject) -> None:
    handler, options = NOTIFIERS[notifier]
    assert LAWS[law](handler, data.draw(cases(options, strategies.tracked())))


@given(st.permutations([Running, Failed, State]), st.permutations([Running, Failed, State]))
def test_handlers_with_the_same_options_are_equal_whatever_the_order_of_the_classes(
    one: list[type[State]], other: list[type[State]]
) -> None:
    assert slack_notifier(only_states=one) == slack_notifier(only_states=other)
    assert repr(gmail_notifier(ignore_states=one)) == repr(gmail_notifier(ignore_states=other))


@either
@given(data=st.data())
def test_none_gives_an_option_its_default_back(notifier: str, data: st.DataObject) -> None:
    handler, options = NOTIFIERS[notifier]
    bound = data.draw(st.fixed_dictionaries({}, optional=dict(options)))
    assert Call(dict.fromkeys(bound))(Call(bound)(handler)) == handler


@either
@given(data=st.data())
def test_handlers_that_differ_in_what_is_bound_are_not_equal(notifier: str, data: st.DataObject) -> None:
    handler, options = NOTIFIERS[notifier]
    case = data.draw(cases(options, strategies.tracked()))
    steps = [
        handler,
        *(bound for count in range(1, len(case.calls)) if isinstance(bound := bind(handler, case.calls[:count]), CurriedHandler)),
    ]
    for before, after in pairwise(steps):
        assert (before == after) is (before.missing == after.missing and before.notifier == after.notifier)


@given(strategies.states(*KINDS), strategies.texts(), kinds, strategies.filters())
def test_a_partial_survives_pickle(old: State, name: str, ignored: list[type[State]] | None, when: Filter) -> None:
    old = without_error(old)  # two exceptions are never equal
    partial = slack_notifier(TrackedJob(name), old, ignore_states=ignored)(when=when)(message=worded)
    copied: object = pickle.loads(pickle.dumps(partial))
    assert copied == partial
    assert (hash(copied), repr(copied)) == (hash(partial), repr(partial))


@given(strategies.texts(), strategies.states())
def test_cloudpickle_takes_a_partial_with_a_lambda_in_it(said: str, new: State) -> None:
    partial = gmail_notifier(TrackedJob("load"), message=lambda change: f"{change.slug}: {said}")(State())
    with interpreting(Recording()) as recording:
        partial(new)
        pickled(partial)(new)
    first, second = recording.effects
    assert timeless(first) == timeless(second)
