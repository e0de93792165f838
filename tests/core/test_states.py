"""Tests of states: the predicates, and the comparison of results."""

import pickle
from collections.abc import Callable, Mapping

import attrs
import pandas as pd
import pytest

from tocsin import (
    Cached,
    Failed,
    Finished,
    Looped,
    Mapped,
    MetaState,
    Pending,
    Queued,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Submitted,
    Success,
    filters,
)
from tocsin.core.states import KINDS

PREDICATES: Mapping[Callable[[State], bool], type[State]] = {
    State.is_pending: Pending,
    State.is_queued: Queued,
    State.is_retrying: Retrying,
    State.is_running: Running,
    State.is_cached: Cached,
    State.is_finished: Finished,
    State.is_looped: Looped,
    State.is_scheduled: Scheduled,
    State.is_submitted: Submitted,
    State.is_skipped: Skipped,
    State.is_successful: Success,
    State.is_failed: Failed,
    State.is_mapped: Mapped,
    State.is_meta_state: MetaState,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_predicate_is_true_of_its_kind_and_its_subclasses(kind: type[State]) -> None:
    own = type("Own", (kind,), {"__slots__": ()})
    for predicate, meant in PREDICATES.items():
        assert predicate(kind()) is predicate(own()) is issubclass(kind, meant)


class Incomparable:
    """Cannot be compared."""

    def __eq__(self, _: object) -> bool:
        raise TypeError("never")

    __hash__ = None  # type: ignore[assignment]  # as anything that defines equality


def test_results_are_equal_by_identity_or_by_a_comparison_that_gives_a_bool() -> None:
    frame, odd = pd.DataFrame({"rows": [1]}), Incomparable()
    assert Success(result=frame) == Success(result=frame) != Success(result=frame.copy())
    assert Success(result=odd) == Success(result=odd) != Success(result=Incomparable())
    assert Success(result=1) == Success("m", 1, {"k": 1}) != Failed(result=1)
    assert Success() != 3


@pytest.mark.parametrize("count", [0, -1])
def test_counts_begin_with_one(count: int) -> None:
    with pytest.raises(ValueError, match="run_count counts from 1"):
        Retrying(run_count=count)
    with pytest.raises(ValueError, match="loop_count counts from 1"):
        Looped(loop_count=count)


def test_a_verdict_is_its_truth_and_its_reason() -> None:
    assert not filters.Verdict(False, "no")
    assert str(filters.Verdict(True, "why")) == "why"


@attrs.frozen(eq=False, repr=False)
class Coded(Failed):
    """A kind of a user's own, whose constructor attrs makes."""

    code: int = attrs.field(default=0, kw_only=True)


@pytest.mark.parametrize("kind", [Failed, Coded])
def test_a_failure_takes_its_exception_in_place_of_a_message(kind: type[Failed]) -> None:
    error = OSError("disk full")
    state = kind(error)
    assert (state.message, state.result) == ("Unexpected error: OSError('disk full')", error)
    assert kind(error, 3).result == 3
    assert kind("full", error).message == "full"
    assert attrs.evolve(state, message="full").result is error
    assert pickle.loads(pickle.dumps(state)).message == state.message
    assert kind().message is None


def test_a_message_of_another_kind_is_worded() -> None:
    assert Failed(3).message == "3"  # type: ignore[arg-type]  # as in code without types
    text = type("Text", (str,), {})("full")
    assert Failed(text).message is text
