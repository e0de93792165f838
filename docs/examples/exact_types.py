"""What a type checker makes of each way of calling a notifier. Checked by mypy, under its strict settings; run, it does nothing."""

from typing import assert_type

from tocsin import Failed, Running, State, Task, slack_notifier
from tocsin.handlers import ForAll, ForNew, ForSome, ForStates, SlackHandler


def calls(task: Task, old: Running, new: Failed) -> None:
    """Each call, and its type."""
    assert_type(slack_notifier(task, old, new), Failed)  # a full call: the type of the new state
    assert_type(slack_notifier(task)(old)(new), Failed)
    assert_type(slack_notifier(ignore_states=[Running])(task, old)(new), Failed)

    assert_type(slack_notifier(ignore_states=[Running]), SlackHandler[ForAll])  # a partial one: a handler that waits for the rest
    assert_type(slack_notifier(task), SlackHandler[ForStates])
    assert_type(slack_notifier(task, old), SlackHandler[ForNew])

    some = slack_notifier(old_state=old)  # out of order, by keyword: wider than it could be, never wrong
    assert_type(some, SlackHandler[ForSome])
    assert_type(some(tracked_obj=task, new_state=new), State | SlackHandler[ForSome])


def mistakes(task: Task) -> None:
    """Each of these is an error, and the comment is there to expect it."""
    slack_notifier(ignore_state=[Running])  # type: ignore[call-overload]
    slack_notifier(ignore_states=["Running"])  # type: ignore[list-item]
    Task(state_handlers=[slack_notifier(task)])  # type: ignore[list-item]
