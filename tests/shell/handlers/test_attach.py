"""Lists of handlers are checked when they are attached."""

import pytest

from tocsin import Failed, Finished, Flow, State, Success, Task, TimedOut, callback_factory, slack_notifier


async def coroutine(_: Task, __: State, ___: State) -> None: ...


class Asynchronous:
    """A callable whose call is a coroutine."""

    async def __call__(self, *_: object) -> None: ...


WRONG = [
    (slack_notifier, "state_handlers takes a list of handlers, not slack_notifier"),
    ("slack_notifier", "state_handlers takes a list of handlers, not 'slack_notifier'"),
    (3, "state_handlers takes a list of handlers, not 3"),
    (["slack_notifier"], "state_handlers takes callables, and 'slack_notifier' is none"),
    ([coroutine], "is async, and tocsin never awaits a handler"),
    ([Asynchronous()], "is async, and tocsin never awaits a handler"),
    ([slack_notifier(Task("load"))], r"waits only for old_state, new_state: attach it without binding them"),
]


@pytest.mark.parametrize(("handlers", "said"), WRONG)
def test_what_could_never_be_called_is_refused(handlers: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        Task("load", state_handlers=handlers)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(TypeError, match=said):
        Flow("load", state_handlers=handlers)  # type: ignore[arg-type]  # as above


def test_a_notifier_that_can_never_notify_warns_once_and_when_attached() -> None:
    mute = slack_notifier(only_states=[TimedOut, Failed], ignore_states=[Finished])
    with pytest.warns(UserWarning, match="never notifies: ignore_states covers all of only_states") as caught:
        Task("load", state_handlers=[mute])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    Task("load", state_handlers=[slack_notifier(only_states=[TimedOut, Success], ignore_states=[Failed])])


def test_any_sequence_of_callables_will_do() -> None:
    handlers = (slack_notifier, callback_factory(print, bool), lambda _task, _old, _new: None)
    assert len(Task("load", state_handlers=handlers).handlers) == 3
    assert Task("load", state_handlers=None).handlers == ()
