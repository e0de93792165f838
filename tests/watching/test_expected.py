"""Exceptions that control a program are no errors of a watched body, if ``expected`` says so; the body raises them all the same."""

import pytest

from tests.watching.watched_bodies import raised
from tocsin import Failed, Recording, Retrying, Skipped, State, Success, TimedOut, interpreting, slack_notifier, watch
from tocsin.core.effects import PostToSlack
from tocsin.core.expected import expected_kinds


class Retry(Exception):
    """Asks an engine for another attempt."""


class LateRetry(Retry):
    """Asks later."""


class Ignore(Exception):
    """Asks an engine to drop the job."""


class Late(Exception):
    """Says that it took too long."""


KINDS: dict[type[BaseException], type[State]] = {Retry: Retrying, Ignore: Skipped, Late: TimedOut}


@pytest.mark.parametrize(
    ("error", "kind", "kept"),
    [
        (Retry("in 10 s"), Retrying, False),
        (LateRetry(), Retrying, False),
        (Ignore(), Skipped, False),
        (Late("9 s"), TimedOut, True),
        (OSError("disk full"), Failed, True),
        (ExceptionGroup("two", [Ignore(), Retry("again")]), Retrying, False),
        (ExceptionGroup("two", [Ignore(), OSError("disk full")]), Failed, True),
    ],
    ids=repr,
)
def test_what_an_exception_means(error: Exception, kind: type[State], kept: bool) -> None:
    with interpreting(Recording()):
        block = watch("load", state_handlers=[slack_notifier], expected=KINDS)
        with pytest.raises(type(error)), block as run:
            raise error
    assert run.report is not None
    state = run.report.state
    assert type(state) is kind
    assert (state.result is error) is kept


def test_it_is_worded_by_its_own_text() -> None:
    @watch(state_handlers=[slack_notifier(ignore_states=[Success])], expected={Retry: Retrying})
    def load() -> None:
        raise Retry("in 10 s")

    with interpreting(Recording()) as recording:
        assert isinstance(raised(load), Retry)
    texts = [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]
    assert texts[-1] == "load will be tried again: Retry: in 10 s"


def test_nothing_is_expected_by_default() -> None:
    assert expected_kinds(None) == {}


def test_a_function_and_options_are_not_both_given() -> None:
    with pytest.raises(TypeError, match="watch takes a function or options"):
        watch(raised, expected=KINDS)  # type: ignore[call-overload]  # as in code without types
