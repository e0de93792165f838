"""The message of a trigger that does not let a task start."""

from collections.abc import Sequence

import pytest

from tocsin import State, signals, triggers


def message_of(trigger: triggers.Trigger, upstream: Sequence[State]) -> str | None:
    """Return the message of the signal that the trigger raises."""
    with pytest.raises(signals.Signal) as caught:
        trigger(upstream)
    return caught.value.state.message
