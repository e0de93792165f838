"""What became of a flow's run: an account of it, and the states of its tasks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from tocsin.core.states import State
from tocsin.shell.report import RunReport

if TYPE_CHECKING:
    from tocsin.flows.task import Task


@attrs.frozen(repr=False, eq=False)
class Report(RunReport):
    """How a flow's run went; frozen. What is in it besides the ``Account`` of it:

    Args:
        task_states: the state of each task at the end; pass it to a later run to begin from there.
    """

    task_states: "Mapping[Task, State]"
