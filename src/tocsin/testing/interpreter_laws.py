"""``assert_interpreter_agrees``: for interpreters of your own."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.io import IOResult

from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.messages.text import describe, quote
from tocsin.core.outcomes import DeliveryError, Receipt
from tocsin.core.signals import SKIP
from tocsin.core.states import Failed, State
from tocsin.flows.flow import Flow
from tocsin.flows.task import Task
from tocsin.shell.handlers.callback import callback_factory
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreters.protocol import Interpreter, outcome_of
from tocsin.shell.interpreters.recording import Recording
from tocsin.testing.clock import FakeClock
from tocsin.testing.comparing import timeless
from tocsin.testing.strategies import effects

End = Literal["returns", "raises", "skips"]


def assert_interpreter_agrees(make_interpreter: Callable[[], Interpreter], *, examples: int = 50) -> None:
    """Check that an interpreter keeps its promise: it answers every effect, and changes nothing of what is told.

    - Whatever the effect, it returns an ``IOResult`` of a receipt, or of a delivery error; it raises nothing.
    - A flow under it yields the effects that it yields under a ``Recording``, and its tasks end in the same states.

    Args:
        make_interpreter: gives a fresh one, for each effect and each flow.
        examples: how many effects, and how many flows.

    Raises:
        AssertionError: it breaks its promise; says how, and on what.

    >>> from tocsin import Live
    >>> from tocsin.testing import assert_interpreter_agrees
    >>> assert_interpreter_agrees(Recording, examples=5)
    """
    limits = settings(max_examples=examples, deadline=None, database=None, report_multiple_bugs=False)

    @limits
    @given(effects())
    def answer(effect: Effect) -> None:
        _answers(make_interpreter(), effect)

    @limits
    @given(st.lists(st.sampled_from(_ENDS), min_size=1, max_size=3))
    def agree(ends: list[End]) -> None:
        _agrees(make_interpreter(), ends)

    answer()
    agree()


_ENDS: tuple[End, ...] = ("returns", "raises", "skips")


def _answers(interpreter: Interpreter, effect: Effect) -> None:
    who = f"the interpreter {quote(interpreter)}"
    try:
        answer = interpreter(effect)
    except Exception as error:
        raise AssertionError(f"{who} raised {describe(error)}, and may raise nothing; given {effect!r}") from error
    if not _is_answer(answer):
        raise AssertionError(f"{who} answered {quote(answer)}, which is no IOResult of a Receipt or a DeliveryError; given {effect!r}")


def _is_answer(answer: object) -> bool:
    if not isinstance(answer, IOResult):
        return False
    kept: object = outcome_of(answer)
    ...
