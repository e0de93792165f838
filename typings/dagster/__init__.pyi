from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

class DagsterEventType(StrEnum):  # it has many more members, and is made of their values here
    STEP_START = "STEP_START"

class DagsterEvent: ...
class HookContext: ...

class HookExecutionResult(NamedTuple):
    hook_name: str
    is_skipped: bool | None = None

_HookFunction: TypeAlias = Callable[[HookContext, Sequence[DagsterEvent]], HookExecutionResult]

class HookDefinition:
    def __new__(cls, *, name: str, hook_fn: _HookFunction, decorated_fn: _HookFunction | None = None) -> Self: ...
    @property
    def name(self) -> str: ...
