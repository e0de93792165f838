"""Tests of triggers: which upstream states they pass, and the message for the others."""

from collections.abc import Sequence

import pytest

from tests.core.trigger_messages import message_of
from tocsin import Failed, Running, Skipped, State, Success, TriggerFailed, triggers

GOOD, BAD = Success(), Failed()
MET: list[tuple[triggers.Trigger, Sequence[State]]] = [
    (triggers.all_finished, [GOOD, BAD]),
    (triggers.always_run, [BAD]),
    (triggers.all_successful, [GOOD, Skipped()]),
    (triggers.all_failed, [BAD, TriggerFailed()]),
    (triggers.any_successful, [BAD, Skipped()]),
    (triggers.any_successful, []),
    (triggers.any_failed, [GOOD, TriggerFailed()]),
    (triggers.any_failed, []),
    (triggers.some_successful(at_least=1), [GOOD, BAD]),
    (triggers.some_successful(at_least=0.5, at_most=0.5), [GOOD, BAD]),
    (triggers.some_failed(at_most=0), [GOOD]),
    (triggers.some_failed(), [GOOD, BAD]),
]
NOT_MET: list[tuple[triggers.Trigger, Sequence[State], str]] = [
    (triggers.all_finished, [GOOD, Running()], 'Trigger was "all_finished" but some of the upstream tasks were not finished.'),
    (triggers.all_successful, [GOOD, BAD], 'Trigger was "all_successful" but some of the upstream tasks failed.'),
    (triggers.all_failed, [GOOD, BAD], 'Trigger was "all_failed" but some of the upstream tasks succeeded.'),
    (triggers.any_successful, [BAD], 'Trigger was "any_successful" but none of the upstream tasks succeeded.'),
    (triggers.any_failed, [GOOD], 'Trigger was "any_failed" but none of the upstream tasks failed.'),
    (triggers.some_successful(at_least=2), [GOOD, BAD], 'Trigger was "some_successful" but thresholds were not met.'),
    (triggers.some_failed(at_most=0.25), [GOOD, BAD], 'Trigger was "some_failed" but thresholds were not met.'),
    (triggers.manual_only, [GOOD], 'Trigger function is "manual_only"'),
]


@pytest.mark.parametrize(("trigger", "upstream"), MET)
def test_a_trigger_that_is_met(trigger: triggers.Trigger, upstream: Sequence[State]) -> None:
    assert trigger(upstream) is True


@pytest.mark.parametrize(("trigger", "upstream", "expected"), NOT_MET)
def test_a_trigger_that_is_not_met_says_why(trigger: triggers.Trigger, upstream: Sequence[State], expected: str) -> None:
    assert message_of(trigger, upstream) == expected


@pytest.mark.parametrize("threshold", [-1, 1.5, -0.1, float("nan")])
def test_a_threshold_that_makes_no_sense(threshold: float) -> None:
    with pytest.raises(ValueError, match="a threshold is a number of tasks"):
        triggers.some_failed(at_least=threshold)
    with pytest.raises(ValueError, match="a threshold is a number of tasks"):
        triggers.some_successful(at_most=threshold)
