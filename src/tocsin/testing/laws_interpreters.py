"""``assert_interpreter_agrees``: checks a user's interpreter."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise, zip_longest
from typing import ClassVar, Literal, TypeGuard

import attrs
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IOResult
from returns.pipeline import is_successful
from returns.unsafe import unsafe_perform_io

from tocsin.core.changes import Key
from tocsin.core.effects import Effect
from tocsin.core.outcomes import DeliveryError, Outcome, Receipt
from tocsin.core.signals import SKIP
from tocsin.core.states import Failed, State
from tocsin.core.text import describe, quote
from tocsin.flows.flow import Flow
from tocsin.flows.task import Task, TaskHandler
from tocsin.shell.environment import Notify
from tocsin.shell.handlers.callback import callback_factory
from tocsin.shell.handlers.gmail import gmail_notifier
from tocsin.shell.handlers.slack import slack_notifier
from tocsin.shell.interpreter import Interpreter
from tocsin.shell.interpreters.dry_run import Recording
from tocsin.testing.clock import FakeClock
from tocsin.testing.laws_common import attempt, limited, timeless, without_error
from tocsin.testing.strategies import effects

End = Literal["returns", "raises", "skips"]

_ENDS: tuple[End, ...] = ("returns", "raises", "skips")


def assert_interpreter_agrees(make_interpreter: Callable[[], Interpreter], *, examples: int = 50) -> None:
    """Check that an interpreter answers every effect, and changes neither effects nor states.

    - For every effect, it returns an outcome, plain or in an ``IOResult`` of a receipt or a delivery error. It raises nothing.
    - A flow yields the same effects under it as under a ``Recording``, and its tasks end in the same states.

    The interpreter is asked also while ``TOCSIN_NOTIFY`` is ``none``, as in a test.

    Args:
        make_interpreter: returns a new interpreter for each effect and each flow.
        examples: the number of effects, and the number of flows.

    Raises:
        AssertionError: the interpreter broke a rule. The message names the rule and the example.

    >>> from tocsin import Recording
    >>> assert_interpreter_agrees(Recording, examples=5)
    """

    @limited(examples)
    @given(effects())
    def answer(effect: Effect) -> None:
        _answers(make_interpreter(), effect)

    @limited(examples)
    @given(st.lists(st.sampled_from(_ENDS), min_size=1, max_size=3))
    def agree(ends: list[End]) -> None:
        _agrees(make_interpreter(), ends)

    attempt(answer)
    attempt(agree)


def _answers(interpreter: Interpreter, effect: Effect) -> None:
    subject = f"the interpreter {quote(interpreter)}"
    try:
        answer = interpreter(effect)
    except Exception as error:
        raise AssertionError(f"{subject} raised {describe(error)}, and may raise nothing; given {effect!r}") from error
    if not _is_answer(answer):
        raise AssertionError(f"{subject} answered {quote(answer)}, which is no outcome, plain or in an IOResult; given {effect!r}")


def _is_answer(answer: object) -> bool:
    if not _is_io(answer):
        return isinstance(answer, Outcome)
    success = is_successful(answer)
    return isinstance(unsafe_perform_io(answer.unwrap() if success else answer.failure()), Receipt if success else DeliveryError)


def _is_io(value: object) -> TypeGuard[IOResult[object, object]]:
    return isinstance(value, IOResult)


@attrs.frozen(eq=False)
class _Asked:
    """Asks the interpreter whatever the environment says: under a guard that withholds its effects, no rule could be broken."""

    interpreter: Interpreter

    notify: ClassVar[Notify] = "none"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        return self.interpreter(effect)


def _agrees(interpreter: Interpreter, ends: Sequence[End]) -> None:
    flow = _flow(ends)
    for actual, expected in zip_longest(_observe(flow, _Asked(interpreter)), _observe(flow, Recording())):
        if actual != expected:
            where = f"a flow whose tasks end so: {', '.join(ends)}"
            raise AssertionError(
                f"the interpreter {quote(interpreter)} changes {where}; under it {actual!r}, under a Recording {expected!r}"
            )


def _observe(flow: Flow, interpreter: Interpreter) -> list[tuple[Effect, Key] | tuple[str, State]]:
    """Run a flow; return its effects, then the final state of each task and of the flow."""
    report = flow.run(interpreter=interpreter, clock=FakeClock())
    states = [*((task.name, state) for task, state in report.task_states.items()), (flow.name, report.state)]
    effects_seen = [timeless(delivery.effect) for delivery in report.deliveries]
    return [*effects_seen, *((name, without_error(state)) for name, state in states)]


class _Ends(Task):
    """A task that ends as ``end`` says."""

    def __init__(self, end: End) -> None:
        handlers: list[TaskHandler] = [
            slack_notifier,
            gmail_notifier(only_states=[Failed]),
            callback_factory(_do_nothing, State.is_finished),
        ]
        super().__init__(end, state_handlers=handlers, max_retries=1, retry_delay=timedelta(minutes=1))
        self.end = end

    def run(self) -> None:
        if self.end == "raises":
            raise OSError("no route to host")
        if self.end == "skips":
            raise SKIP("nothing new")


def _flow(ends: Sequence[End]) -> Flow:
    flow = Flow("a flow", state_handlers=[slack_notifier])
    tasks = [flow.add_task(_Ends(end)) for end in ends]
    for before, after in pairwise(tasks):
        flow.add_edge(before, after)
    return flow


def _do_nothing(tracked_obj: Task, state: State) -> None: ...
