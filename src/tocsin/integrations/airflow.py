"""Tells people of the tasks of Airflow, and of the runs of its DAGs.

- ``airflow_callbacks`` has the callbacks of tasks, ``airflow_dag_callbacks`` those of a DAG. ``airflow_notifier`` is all of them, as a
  ``BaseNotifier`` of Airflow's.
- Airflow ends the process of a task some 25 seconds after the task, and waits for no thread. So a callback for an end waits until what
  it told is delivered, or kept in an outbox: for 15 seconds at most in all.
- A callback raises nothing into Airflow but a Ctrl-C.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol, TypedDict

from tocsin.core.integrations import airflow as said
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.integrations.airflow_teller import DELIVER_WITHIN, AirflowTeller
from tocsin.integrations.installed import need

need("airflow", "apache-airflow>=3")

__all__ = [
    "AirflowCallbacks",
    "AirflowDagCallbacks",
    "AirflowHook",
    "AirflowNotifier",
    "airflow_callbacks",
    "airflow_dag_callbacks",
    "airflow_notifier",
]


class AirflowHook:
    """A callback of Airflow's, which has the name that Airflow's log shows. A copy of a hook is the hook itself."""

    def __init__(self, event: str, teller: AirflowTeller) -> None:
        self.__name__: str = f"tocsin_{event.partition(' ')[0]}"
        self._event = event
        self._teller = teller

    def __repr__(self) -> str:
        return f"<{self.__name__}: {self._teller!r}>"

    def __call__(self, context: object) -> None:
        """Tell people what the callback means; ``context`` is what Airflow gives it."""
        self._teller.hear(self._event, context)

    def __reduce__(self) -> tuple[type["AirflowHook"], tuple[str, AirflowTeller]]:
        return AirflowHook, (self._event, self._teller)

    def __copy__(self) -> "AirflowHook":
        return self

    def __deepcopy__(self, memo: object) -> "AirflowHook":
        return self  # Airflow copies a DAG with all of its tasks; what was heard of a run is one thing


class AirflowCallbacks(TypedDict):
    """The callbacks of a task."""

    on_execute_callback: AirflowHook
    on_success_callback: AirflowHook
    on_failure_callback: AirflowHook
    on_retry_callback: AirflowHook
    on_skipped_callback: AirflowHook


class AirflowDagCallbacks(TypedDict):
    """The callbacks of a DAG."""

    on_success_callback: AirflowHook
    on_failure_callback: AirflowHook


class AirflowNotifier(Protocol):
    """What ``airflow_notifier`` returns, a ``BaseNotifier`` of Airflow's: any callback of a task or of a DAG takes it."""

    message: str | None
    template_fields: Sequence[str]

    def __call__(self, *args: object) -> None:
        """Tell people what the callback means; its argument is what Airflow gives it."""
        ...

    def notify(self, context: object) -> None:
        """Tell people what the callback means, with the message as it is."""
        ...

    async def async_notify(self, context: object) -> None:
        """Tell people in a thread, so that the event loop goes on."""
        ...


def airflow_callbacks(
    *state_handlers: StateHandler[ForeignRun], no_end_after: timedelta | None = None, deliver_within: float = DELIVER_WITHIN
) -> AirflowCallbacks:
    """Return the five callbacks of tasks, for the ``default_args`` of a DAG, or for one operator.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        no_end_after: how long after its start the end of a task is waited for; None for ever. Open tasks are then kept in a file of
            this machine, so that ``tocsin outbox drain --watch`` can tell that no end was heard of.
        deliver_within: seconds that the process of a task waits at most for the messages of its end.

    Returns:
        The callbacks, by the names that Airflow has for them.

    Raises:
        TypeError, ValueError: an option is invalid.

    >>> from tocsin import slack_notifier
    >>> sorted(airflow_callbacks(slack_notifier))[:2]
    ['on_execute_callback', 'on_failure_callback']
    """
    teller = AirflowTeller(state_handlers, no_end_after, deliver_within)
    return {
        "on_execute_callback": AirflowHook(said.ON_EXECUTE, teller),
        "on_success_callback": AirflowHook(said.ON_SUCCESS, teller),
        "on_failure_callback": AirflowHook(said.ON_FAILURE, teller),
        "on_retry_callback": AirflowHook(said.ON_RETRY, teller),
        "on_skipped_callback": AirflowHook(said.ON_SKIPPED, teller),
    }


def airflow_dag_callbacks(*state_handlers: StateHandler[ForeignRun], deliver_within: float = DELIVER_WITHIN) -> AirflowDagCallbacks:
    """Return the two callbacks of a DAG: how its run ended, and its tasks by their states, those that failed or never ran first.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        deliver_within: seconds that the process that reads the DAG's file waits at most for the message.

    Returns:
        The callbacks, for ``DAG("nightly", **airflow_dag_callbacks(slack_notifier))``.

    Raises:
        TypeError, ValueError: an option is invalid.

    >>> from tocsin import slack_notifier
    >>> sorted(airflow_dag_callbacks(slack_notifier))
    ['on_failure_callback', 'on_success_callback']
    """
    teller = AirflowTeller(state_handlers, deliver_within=deliver_within)
    return {
        "on_success_callback": AirflowHook(said.DAG_SUCCESS, teller),
        "on_failure_callback": AirflowHook(said.DAG_FAILURE, teller),
    }


def airflow_notifier(
    *state_handlers: StateHandler[ForeignRun],
    message: str | None = None,
    no_end_after: timedelta | None = None,
    deliver_within: float = DELIVER_WITHIN,
) -> AirflowNotifier:
    """Return a ``BaseNotifier`` of Airflow's, which any callback of a task or of a DAG takes.

    Args:
        state_handlers: the handlers, in order; none: those of the configuration.
        message: a text to add to each message. Airflow renders it as a template, for each call anew.
        no_end_after: how long after its start the end of a task is waited for; None for ever.
        deliver_within: seconds that a process of Airflow waits at most for the messages of an end.

    Raises:
        TypeError, ValueError: an option is invalid.

    >>> from tocsin import slack_notifier
    >>> airflow_notifier(slack_notifier, message="of {{ ds }}").template_fields
    ('message',)
    """
    from tocsin.integrations._airflow_notifier import TocsinNotifier

    return TocsinNotifier(*state_handlers, message=message, no_end_after=no_end_after, deliver_within=deliver_within)
