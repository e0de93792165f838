"""``assert_interpreter_agrees`` passes correct interpreters, and names the rule that another one breaks."""

import re
from collections.abc import Callable
from io import StringIO

import pytest
from returns.io import IOResult

from tocsin import DryRun, Interpreter, Live, Pending, Recording, Running, Task, slack_notifier
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.effects import CallBack, Effect, Outcome, SendEmail, Withheld
from tocsin.shell.interpreter import result_of
from tocsin.testing import assert_interpreter_agrees


class Refusing:
    """A correct interpreter: it refuses mail with a reason."""

    def __init__(self, inner: Interpreter) -> None:
        self.inner = inner

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        return result_of(Rejected("no mail today")) if isinstance(effect, SendEmail) else self.inner(effect)


class Raising:
    """Raises instead of answering."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        raise ConnectionError("no route to host")


class Silent:
    """Returns None."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        return None  # type: ignore[return-value]  # the error under test


class Mistaken:
    """Wraps a failure as a success."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        return IOResult.from_value(Rejected("no"))  # type: ignore[arg-type]  # the error under test


class Talkative:
    """Posts a message for each callback."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError] | Outcome:
        if isinstance(effect, CallBack):
            slack_notifier(Task("talk"), Pending(), Running())
        return result_of(Withheld("on purpose"))


@pytest.mark.parametrize("make", [Recording, Live, lambda: DryRun(StringIO()), lambda: Refusing(Recording())])
def test_an_interpreter_passes(make: Callable[[], Interpreter]) -> None:
    assert_interpreter_agrees(make, examples=20)


@pytest.mark.parametrize(
    ("make", "broken"),
    [
        (Raising, "raised ConnectionError: no route to host, and may raise nothing"),
        (Silent, "answered None, which is no outcome"),
        (Mistaken, "which is no outcome, plain or in an IOResult"),
        (Talkative, "changes a flow whose tasks end so: "),
    ],
)
def test_the_broken_rule_is_named(make: Callable[[], Interpreter], broken: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(broken)) as raised:
        assert_interpreter_agrees(make)
    assert make.__name__ in str(raised.value)
