"""What a trigger says when it does not let a task begin."""

from collections.abc import Sequence

import pytest

from tocsin import State, signals, triggers


def said_of(trigger: triggers.Trigger, upstream: Sequence[State]) -> str | None:
    """The message of the signal that the trigger raises."""
    with pytest.raises(signals.Signal) as caught:
        trigger(upstream)
    return caught.value.state.message
