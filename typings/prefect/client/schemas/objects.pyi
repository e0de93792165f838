from enum import Enum
from uuid import UUID

class StateType(Enum):
    RUNNING = "RUNNING"

class TaskRun:
    def __init__(
        self,
        *,
        id: UUID,  # noqa: A002 - its name
        name: str,
        task_key: str,
        dynamic_key: str,
        flow_run_id: UUID,
        run_count: int,
        state_type: StateType,
    ) -> None: ...
