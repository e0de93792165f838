"""One callback on a task and on the flow that holds it: called where a check of the new state says so."""

from tocsin import Flow, State, Task, Tracked, callback_factory


def show(_: Tracked, state: State) -> None:
    """Print the state that was entered."""
    print(state)


handler = callback_factory(show, check=lambda state: state.is_successful())
flow = Flow("callbacks", tasks=[Task("work", state_handlers=[handler])], state_handlers=[handler])

if __name__ == "__main__":
    flow.run()
