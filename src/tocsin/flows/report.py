"""``Report``: how a run of a flow went, and the final states of its tasks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from tocsin.core.states import State
from tocsin.shell.report import RunReport

if TYPE_CHECKING:
    from tocsin.flows.task import Task


@attrs.frozen(repr=False, eq=False)
class Report(RunReport):
    """How a run of a flow went; frozen. It is a ``RunReport`` with one more field.

    Args:
        task_states: the final state of each task; pass it to a later run to continue from there.
    """

    task_states: "Mapping[Task, State]"
